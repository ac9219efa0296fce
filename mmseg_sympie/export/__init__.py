"""Enhancers and segmentors as ONNX files."""
