"""Foreign instruments: an ONNX file is checked, then tried with limits, before the player loads it."""
