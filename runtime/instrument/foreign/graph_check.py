"""Checks the graph of an ONNX file before onnxruntime sees it: an instrument may come from a stranger.

A graph that passes cannot run code, loop, read other files or grow without bound. The field numbers come from
onnx/onnx.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.protobuf import Field, fields, numbers, part, text
from runtime.instrument.foreign.index_check import IndexCheck, Node

# The operators that `export` writes, and others that similar networks need. None of these loops or branches. Only those
# in SIZED_BY_INPUTS take a tensor's size from an input's values.
OPERATORS = frozenset((
    "Abs", "Add", "ArgMax", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "DequantizeLinear",
    "Div", "Elu", "Erf", "Exp", "Flatten", "Gather", "Gelu", "Gemm", "HardSigmoid", "Identity", "LayerNormalization",
    "LeakyRelu", "Log", "MatMul", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Pad", "Pow", "Reciprocal", "ReduceMax",
    "ReduceMean", "ReduceSum", "Relu", "Reshape", "Selu", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus",
    "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze", "Where",
))  # fmt: skip
# While onnxruntime loads a file, it computes every node whose inputs are all constant. The operator of such a node must
# be one of these: their results have no more values than their inputs or, for Shape, one value for each dimension.
KEEPS_SIZE = frozenset((
    "Abs", "Cast", "Clip", "Constant", "DequantizeLinear", "Exp", "Flatten", "Identity", "Log", "Neg", "Reciprocal",
    "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Sqrt", "Squeeze", "Tanh", "Transpose", "Unsqueeze",
))  # fmt: skip
# Operators whose inputs after the first are sizes, indices or axes. Those inputs must not depend on what is played.
SIZED_BY_INPUTS = frozenset(("Pad", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape", "Slice", "Split", "Squeeze",
                             "Unsqueeze"))  # fmt: skip
STANDARD_DOMAINS = ("", "ai.onnx")
LARGEST_VALUES = 16 * 2**20  # limit for one tensor, and for all constants together: 64 MiB as float32
MOST_NODES, LONGEST_TEXT = 2000, 300
MOST_FIELDS, MOST_DIMENSIONS = 100_000, 8  # in a whole file, and of one tensor
# If a file has these bytes at this place, onnxruntime takes it for a model in the format ORT, which is not ONNX.
_OTHER_FORMAT, _OTHER_FORMAT_AT = b"ORTM", 4
# Numbers of TensorProto.DataType that weights may have: float, uint8, int8, int32, int64, bool, float16, double.
_TYPES = frozenset((1, 2, 3, 6, 7, 9, 10, 11))

EXPORT_AGAIN = "export it again"

# Field numbers.
_MODEL_GRAPH, _MODEL_METADATA, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 14, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 11, 12, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 3, 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_NUMBER, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPHS = 1, 3, 5, (6, 10, 11, 14, 15, 22, 23)
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 2, 8, 13, 14
_VALUE_INFO_NAME = 1


class _NotAllowedError(Exception):
    """Something is in the graph that must not be there."""


def refuse_bad_graph(content: bytes, path: Path, expected: str = "an .onnx instrument") -> None:
    """Raise a UserError if this file's graph is not allowed in an instrument.

    content: the file's bytes.
    expected: what the file should be; the error says it if the file is no ONNX model.
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
    def __init__(self) -> None:
        self._n_values = self._n_fields = 0
        self._constants: set[str] = set()
        self._known: set[str] = set()
        self._still: set[str] = set()  # tensors that depend on constants and sizes alone
        self._indices = IndexCheck()

    def check(self, model: memoryview) -> None:
        if bytes(model[_OTHER_FORMAT_AT : _OTHER_FORMAT_AT + len(_OTHER_FORMAT)]) == _OTHER_FORMAT:
            raise _NotAllowedError("a model in another format than ONNX")
        graphs = []
        for number, value in self._fields(model):
            if number == _MODEL_GRAPH:
                graphs.append(part(value))
            elif number == _MODEL_METADATA:
                for _, entry in self._fields(part(value)):
                    bytes(part(entry)).decode("utf-8")
            elif number in (_MODEL_TRAINING, _MODEL_FUNCTIONS):
                raise _NotAllowedError("a model with training steps or functions of its own")
        if len(graphs) != 1:
            raise _NotAllowedError(f"a file with {len(graphs)} graphs")
        self._graph(graphs[0])

    def _graph(self, graph: memoryview) -> None:
        nodes, inputs = [], set()
        for number, value in self._fields(graph):
            if number == _GRAPH_INITIALIZER:
                name, sizes = self._tensor(part(value))
                self._constants.add(name)
                self._indices.add_constant(name, sizes)
            elif number == _GRAPH_NODE:
                nodes.append(part(value))
            elif number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
                name = self._value_info(part(value))
                if number == _GRAPH_INPUT:
                    inputs.add(name)
            elif number == _GRAPH_SPARSE:
                raise _NotAllowedError("sparse weights")
        if len(nodes) > MOST_NODES:
            raise _NotAllowedError(f"{len(nodes)} operators, more than {MOST_NODES}")
        self._known |= self._constants | inputs
        for name in inputs & self._constants:  # a constant with an input's name is only the input's default value
            self._constants.discard(name)
            self._indices.forget_constant(name)
        self._still |= self._constants
        for message in nodes:
            self._check_node(self._node(message))

    def _node(self, message: memoryview) -> Node:
        node = Node()
        for number, value in self._fields(message):
            if number == _NODE_OPERATOR:
                node.operator = _name(value)
            elif number == _NODE_DOMAIN:
                node.domain = _name(value)
            elif number == _NODE_NAME:
                node.name = _name(value)
            elif number == _NODE_INPUT:
                node.inputs.append(_name(value))
            elif number == _NODE_OUTPUT:
                node.outputs.append(_name(value))
            elif number == _NODE_ATTRIBUTE:
                name, said = self._attribute(part(value))
                node.numbers[name] = node.numbers.get(name, []) + said
        return node

    def _check_node(self, node: Node) -> None:
        if node.domain not in STANDARD_DOMAINS:
            raise _NotAllowedError(f"the operator {node.operator} of {node.domain}")
        if node.operator not in OPERATORS:
            raise _NotAllowedError(f"the operator {node.operator or node.name or 'without a name'}")
        # A node must come after the nodes that make its inputs. If it came before them, the checks below would not find
        # out which of its inputs are constant.
        inputs = [given for given in node.inputs if given]
        if not self._known.issuperset(inputs):
            raise _NotAllowedError(f"the operator {node.operator} before what it works on")
        if not self._known.isdisjoint(made := [name for name in node.outputs if name]):
            raise _NotAllowedError(f"the operator {node.operator} that makes what is already there")
        self._known.update(made)
        moving = [bool(given) and given not in self._still for given in node.inputs]
        if not self._indices.allows(node, any(moving)):
            raise _NotAllowedError("whole numbers made of what is played")
        if node.operator in SIZED_BY_INPUTS and any(moving[1:]):
            # The size of the output would depend on the values played. trial.py tries every number of rows, but not
            # all values, so it could miss the largest size.
            raise _NotAllowedError(f"the operator {node.operator} with a size that moves")
        if node.operator == "Shape" or not any(moving):
            self._still.update(made)
        if self._constants.issuperset(inputs):
            if node.operator not in KEEPS_SIZE:
                raise _NotAllowedError(f"the operator {node.operator} with constants alone")
            self._constants.update(made)

    def _attribute(self, attribute: memoryview) -> tuple[str, list[int]]:
        """Check one attribute; returns its name and its whole numbers."""
        name, said = "", []
        for number, value in self._fields(attribute):
            if number in _ATTRIBUTE_GRAPHS:
                raise _NotAllowedError("a graph within the graph")
            if number == _ATTRIBUTE_TENSOR:
                self._tensor(part(value))
            elif number == _ATTRIBUTE_NAME:
                name = _name(value)
            elif number == _ATTRIBUTE_NUMBER and isinstance(value, int):
                said.append(value)
        return name, said

    def _tensor(self, tensor: memoryview) -> tuple[str, list[int]]:
        """Check a constant; returns its name and its sizes."""
        sizes: list[int] = []
        name, kind = "", 0
        for number, value in self._fields(tensor):
            if number == _TENSOR_DIMS:
                sizes += numbers(value, MOST_DIMENSIONS)
            elif number == _TENSOR_TYPE and isinstance(value, int):
                kind = value
            elif number == _TENSOR_NAME:
                name = _name(value)
            elif number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
                raise _NotAllowedError("weights in another file")
        if kind not in _TYPES:
            raise _NotAllowedError(f"weights of the type {kind}")
        if len(sizes) > MOST_DIMENSIONS:
            raise _NotAllowedError(f"weights of {len(sizes)} dimensions")
        n_values = math.prod(sizes)
        self._n_values += n_values
        if self._n_values > LARGEST_VALUES:
            raise _NotAllowedError(f"{self._n_values:,} weights, more than {LARGEST_VALUES:,}")
        if n_values > len(tensor):  # a value takes at least one byte, so values are missing
            raise _NotAllowedError(f"{n_values:,} weights in {len(tensor):,} bytes")
        return name, sizes

    def _value_info(self, info: memoryview) -> str:
        """Returns the name."""
        name = ""
        for number, value in self._fields(info):
            if number == _VALUE_INFO_NAME:
                name = _name(value)
        return name

    def _fields(self, message: memoryview) -> Iterator[Field]:
        """Yield the fields of one message; _NotAllowedError if the whole file has more than MOST_FIELDS.

        Without this limit, reading a file could take minutes.
        """
        for field in fields(message):
            self._n_fields += 1
            if self._n_fields > MOST_FIELDS:
                raise _NotAllowedError(f"more than {MOST_FIELDS:,} parts")
            yield field


def _name(value: int | memoryview | None) -> str:
    return text(value, LONGEST_TEXT)
