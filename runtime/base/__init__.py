"""Basics: user errors, command lines, signals, YAML and JSON files, terminal output, thread priorities, onnxruntime."""
