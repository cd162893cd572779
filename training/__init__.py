"""The workshop: recordings to frames, frames to a model, and its figures."""
