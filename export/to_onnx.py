"""Converts Keras models to ONNX, and checks that both give the same outputs."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

from runtime.base.errors import UserError
from runtime.base.private_onnxruntime import onnxruntime

OPSET = 17
PARITY_TOLERANCE = 1e-5


def convert(model: Any, output_name: str) -> Any:
    """Convert a functional Keras model to an onnx.ModelProto; Keras must run on TensorFlow.

    The ONNX model takes any number of rows. Its inputs keep their names, and its output is named `output_name`.
    """
    import tensorflow as tf
    import tf2onnx

    names = [tensor.name for tensor in model.inputs]
    signature = [tf.TensorSpec([None, tensor.shape[1]], tf.float32, name=tensor.name) for tensor in model.inputs]

    def call(*inputs: Any) -> Any:
        return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    function = tf.function(call, input_signature=signature)
    chatter = io.StringIO()
    with redirect_stdout(chatter), redirect_stderr(chatter):
        onnx_model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    new_names = {tensor.name: name for tensor, name in zip(onnx_model.graph.input, names, strict=True)}
    new_names[onnx_model.graph.output[0].name] = output_name
    _rename(onnx_model.graph, new_names)
    return onnx_model


def _rename(graph: Any, new_names: dict[str, str]) -> None:
    """Rename the inputs and outputs of a graph wherever they occur; name the first dimension of each `n`."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new_names.get(name, name) for name in names]
    for tensor in (*graph.input, *graph.output):
        tensor.name = new_names.get(tensor.name, tensor.name)
        tensor.type.tensor_type.shape.dim[0].dim_param = "n"


def run_onnx(serialized: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The one output of a serialized model, computed by onnxruntime on the CPU. inputs: arrays by name."""
    onnxruntime.set_default_logger_severity(3)  # newer versions warn of a missing GPU at every start
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def check_parity(model: Any, serialized: bytes, inputs: list[np.ndarray], where: object) -> float:
    """The largest difference between the outputs of Keras and onnxruntime; UserError above PARITY_TOLERANCE.

    inputs: rows for each input of the model.
    where: the file that the error names.
    """
    expected = np.asarray(model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0]))
    named = {tensor.name: rows for tensor, rows in zip(model.inputs, inputs, strict=True)}
    difference = float(np.abs(run_onnx(serialized, named) - expected).max())
    if not difference <= PARITY_TOLERANCE:
        raise UserError(
            where,
            f"{model.name} that differs by {difference:.2g} between Keras and ONNX Runtime",
            f"at most {PARITY_TOLERANCE:g}",
            "nothing was written; check the versions of tf2onnx and onnxruntime, and that the run has converged",
        )
    return difference


def add_metadata(onnx_model: Any, key: str, text: str) -> None:
    """Set one entry of a model's metadata."""
    kept = [entry for entry in onnx_model.metadata_props if entry.key != key]
    del onnx_model.metadata_props[:]
    onnx_model.metadata_props.extend(kept)
    onnx_model.metadata_props.add(key=key, value=text)
