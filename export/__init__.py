"""From a trained Keras model to one self-describing ONNX instrument. May import `training` and `runtime`."""
