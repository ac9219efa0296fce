"""Synthetic street scenes with labels, depth and weather: a demo without any download."""
