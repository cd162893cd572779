"""The workshop: turns recordings into frames, trains models on the frames, and measures the models."""
