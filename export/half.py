"""Rounds a model's weights to half precision, and stores rounded weights as float16 in an ONNX model."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.model.half import half_precision

FEWEST_VALUES = 256  # tensors with fewer values stay as they are


def round_weights(model: Any) -> None:
    """Round a Keras model's weights to float16, in place."""
    model.set_weights([half_precision(weights) for weights in model.get_weights()])


def store_as_half(onnx_model: Any) -> None:
    """Store each large float32 tensor of an ONNX model as float16, unless this would change a value."""
    from onnx import TensorProto, helper, numpy_helper

    graph, casts = onnx_model.graph, []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < FEWEST_VALUES:
            continue
        if not np.array_equal(half_precision(values), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
