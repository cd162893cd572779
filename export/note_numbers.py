"""Makes a decoder's ONNX graph find a note's row of its table faster."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.instrument.card import INPUT_NAME
from runtime.instrument.conditioning import Conditioning


def find_notes_by_number(onnx_model: Any, conditioning: Conditioning) -> None:
    """Make a decoder read the row of its note table by the note's number; the outputs stay the same to the bit.

    Keras multiplies the table by a one-hot row, which takes a sixth of the decoder's time. A decoder without a note
    table stays as it is.

    onnx_model: an onnx.ModelProto that `convert` made; it is changed in place.
    """
    from onnx import helper, numpy_helper

    from training.model.autoencoder import NOTE_TABLE

    graph = onnx_model.graph
    products = [node for node in graph.node if node.op_type == "MatMul" and f"/{NOTE_TABLE}" in node.name]
    if not products:
        return
    (product,) = products
    _, table = product.input
    width = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    # One column per note. A note scores 1 with its pitch class, and 1 with its octave; only the played note scores 2.
    matches = np.zeros((width, len(conditioning.notes)), np.float32)
    matches[width - conditioning.size :] = conditioning.rows(np.array(conditioning.notes)).T
    graph.initializer.append(numpy_helper.from_array(matches, "note_matches"))
    found = [
        helper.make_node("MatMul", [INPUT_NAME, "note_matches"], ["note_scores"], "note_scores"),
        helper.make_node("ArgMax", ["note_scores"], ["note_number"], "note_number", axis=-1, keepdims=0),
        helper.make_node("Gather", [table, "note_number"], list(product.output), "note_row", axis=0),
    ]
    nodes = [node for node in graph.node if node != product]
    del graph.node[:]
    graph.node.extend([*found, *nodes])
    _remove_unused(graph)


def _remove_unused(graph: Any) -> None:
    """Remove the nodes and the constants that no output depends on."""
    used = {tensor.name for tensor in graph.output}
    nodes = []
    for node in reversed(graph.node):  # ONNX lists a node before those that use its outputs
        if used.intersection(node.output):
            used.update(node.input)
            nodes.append(node)
    constants = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(constants)
