"""Turns a trained Keras model into an ONNX instrument: a decoder and an encoder, each with its card."""
