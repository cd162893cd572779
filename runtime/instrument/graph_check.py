"""Checks the graph of an ONNX file before onnxruntime sees it: an instrument may come from a stranger.

The bytes are walked, not loaded. What is left over cannot run code, loop, read other files or grow without bound.
Source of the field numbers: onnx/onnx.proto.
"""

from __future__ import annotations

import math
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.protobuf import fields, numbers, part, text

# What `export` writes, and what networks of the same kind need. None of these loops, branches, or makes a tensor whose
# size is one of its inputs, such as ConstantOfShape does.
OPERATORS = frozenset((
    "Abs", "Add", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "DequantizeLinear", "Div", "Elu",
    "Erf", "Exp", "Flatten", "Gather", "Gelu", "Gemm", "HardSigmoid", "Identity", "LayerNormalization", "LeakyRelu",
    "Log", "MatMul", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Pad", "Pow", "Reciprocal", "ReduceMax", "ReduceMean",
    "ReduceSum", "Relu", "Reshape", "Selu", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "Softsign", "Split",
    "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze", "Where",
))  # fmt: skip
# What a node makes of constants alone, onnxruntime computes while it loads. These make nothing larger.
KEEPS_SIZE = frozenset((
    "Abs", "Cast", "Clip", "Constant", "DequantizeLinear", "Exp", "Flatten", "Identity", "Log", "Neg", "Reciprocal",
    "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Sqrt", "Squeeze", "Tanh", "Transpose", "Unsqueeze",
))  # fmt: skip
STANDARD_DOMAINS = ("", "ai.onnx")
LARGEST_VALUES = 16 * 2**20  # of one tensor and of all constants: 64 MiB as float32
MOST_NODES, LONGEST_TEXT = 2000, 300
# Of TensorProto.DataType: float, uint8, int8, int32, int64, bool, float16, double.
_TYPES = frozenset((1, 2, 3, 6, 7, 9, 10, 11))
_EXTERNAL = 1  # TensorProto.DataLocation

EXPORT_AGAIN = "export it again"

# Field numbers.
_MODEL_GRAPH, _MODEL_METADATA, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 14, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 11, 12, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 3, 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPHS = 5, (6, 10, 11, 14, 15, 22, 23)
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 2, 8, 13, 14
_VALUE_INFO_NAME = 1


class _NotAllowedError(Exception):
    """Something is in the graph that must not be there."""


def refuse_bad_graph(content: bytes, path: Path, expected: str = "an .onnx instrument") -> None:
    """UserError unless the file's graph is one that an instrument may have.

    content: the whole file; expected: what the file should be.
    """
    try:
        _Graph().check(memoryview(content))
    except _NotAllowedError as error:
        found, remedy = f"{error}, which no instrument needs", "use another instrument, or export it again"
        raise UserError(path, found, "an ONNX model as timbrebox export writes it", remedy) from None
    except ValueError as error:
        found = f"not an ONNX model ({error})"
        raise UserError(path, found, expected, EXPORT_AGAIN) from None


class _Graph:
    """The walk through one file; every method raises an error, with the reason, for what must not be there."""

    def __init__(self) -> None:
        self._n_values = self._n_nodes = 0
        self._constants: set[str] = set()

    def check(self, model: memoryview) -> None:
        graphs = []
        for number, value in fields(model):
            if number == _MODEL_GRAPH:
                graphs.append(part(value))
            elif number == _MODEL_METADATA:
                for _, entry in fields(part(value)):
                    bytes(part(entry)).decode("utf-8")
            elif number in (_MODEL_TRAINING, _MODEL_FUNCTIONS):
                raise _NotAllowedError("a model with training steps or functions of its own")
        if len(graphs) != 1:
            raise _NotAllowedError(f"a file with {len(graphs)} graphs")
        self._graph(graphs[0])

    def _graph(self, graph: memoryview) -> None:
        nodes = []
        for number, value in fields(graph):
            if number == _GRAPH_INITIALIZER:
                self._constants.add(self._tensor(part(value)))
            elif number == _GRAPH_NODE:
                nodes.append(part(value))
            elif number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
                self._value_info(part(value))
            elif number == _GRAPH_SPARSE:
                raise _NotAllowedError("sparse weights")
        if len(nodes) > MOST_NODES:
            raise _NotAllowedError(f"{len(nodes)} operators, more than {MOST_NODES}")
        for node in nodes:
            self._node(node)

    def _node(self, node: memoryview) -> None:
        operator, domain, name = "", "", ""
        inputs, outputs = [], []
        for number, value in fields(node):
            if number == _NODE_OPERATOR:
                operator = _name(value)
            elif number == _NODE_DOMAIN:
                domain = _name(value)
            elif number == _NODE_NAME:
                name = _name(value)
            elif number == _NODE_INPUT:
                inputs.append(_name(value))
            elif number == _NODE_OUTPUT:
                outputs.append(_name(value))
            elif number == _NODE_ATTRIBUTE:
                self._attribute(part(value))
        if domain not in STANDARD_DOMAINS:
            raise _NotAllowedError(f"the operator {operator} of {domain}")
        if operator not in OPERATORS:
            raise _NotAllowedError(f"the operator {operator or name or 'without a name'}")
        if all(given in self._constants for given in inputs if given):
            if operator not in KEEPS_SIZE:
                raise _NotAllowedError(f"the operator {operator} with constants alone")
            self._constants.update(outputs)

    def _attribute(self, attribute: memoryview) -> None:
        for number, value in fields(attribute):
            if number in _ATTRIBUTE_GRAPHS:
                raise _NotAllowedError("a graph within the graph")
            if number == _ATTRIBUTE_TENSOR:
                self._tensor(part(value))

    def _tensor(self, tensor: memoryview) -> str:
        """Check one constant; returns its name."""
        sizes: list[int] = []
        name, kind = "", 0
        for number, value in fields(tensor):
            if number == _TENSOR_DIMS:
                sizes += numbers(value)
            elif number == _TENSOR_TYPE and isinstance(value, int):
                kind = value
            elif number == _TENSOR_NAME:
                name = _name(value)
            elif number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value == _EXTERNAL):
                raise _NotAllowedError("weights in another file")
        if kind not in _TYPES:
            raise _NotAllowedError(f"weights of the type {kind}")
        n_values = math.prod(sizes)
        self._n_values += n_values
        if self._n_values > LARGEST_VALUES:
            raise _NotAllowedError(f"{self._n_values:,} weights, more than {LARGEST_VALUES:,}")
        if n_values > len(tensor):  # each value takes one byte or more
            raise _NotAllowedError(f"{n_values:,} weights in {len(tensor):,} bytes")
        return name

    def _value_info(self, info: memoryview) -> None:
        for number, value in fields(info):
            if number == _VALUE_INFO_NAME:
                _name(value)


def _name(value: int | memoryview) -> str:
    found = text(value)
    if len(found) > LONGEST_TEXT:
        raise _NotAllowedError(f"a name of {len(found):,} characters")
    return found
