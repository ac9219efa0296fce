"""Whole runs, made of the parts below."""
