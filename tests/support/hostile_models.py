"""Harmful ONNX files, made by hand from the format's fields."""

from __future__ import annotations

import itertools
import json
import struct

import numpy as np

N_INPUTS, N_BINS = 14, 513
CARD = {
    "card_version": 1, "name": "odd", "frame_size": 1024, "hop_size": 256, "note_range": [48, 71],
    "latents": [{"name": name, "min": -1.0, "max": 1.0, "default": 0.0} for name in ("a", "b")],
    "conditioning": {"kind": "chroma"}, "check": {"input": [0.0] * N_INPUTS, "output": [0.0] * N_BINS},
}  # fmt: skip
_X, _Y = "latents_and_conditioning", "magnitude"


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, values: np.ndarray, more: bytes = b"") -> bytes:
    kind = 1 if values.dtype == np.float32 else 7
    sizes = b"".join(field(1, size) for size in values.shape)
    return sizes + field(2, kind) + field(8, name) + field(9, values.tobytes()) + more


def node(operator: str, inputs: list[str], output: str, **numbers: int) -> bytes:
    said = b"".join(field(5, field(1, name) + field(3, value) + field(20, 2)) for name, value in numbers.items())
    return b"".join(field(1, given) for given in inputs) + field(2, output) + field(4, operator) + said


def _end(name: str, size: int) -> bytes:
    """The declaration of a model's input or output: float32, [n, size]."""
    shape = field(1, field(2, "n")) + field(1, field(1, size))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def model(nodes: list[bytes], weights: list[bytes], card: dict[str, object] | None = None) -> bytes:
    """The bytes of a model file.

    nodes: operators, which must lead from the input `_X` to the output `_Y`.
    card: values that replace those of CARD.
    """
    graph = b"".join(field(1, each) for each in nodes) + field(2, "g")
    graph += b"".join(field(5, each) for each in weights) + field(11, _end(_X, N_INPUTS)) + field(12, _end(_Y, N_BINS))
    text = json.dumps(CARD | (card or {}))
    opset = field(8, field(1, "") + field(2, 13))
    return field(1, 8) + opset + field(7, graph) + field(14, field(1, "timbrebox") + field(2, text))


def _weights(value: float = 0.0, rows: int = N_INPUTS) -> bytes:
    return tensor("w", np.full((rows, N_BINS), value, np.float32))


PLAIN = node("MatMul", [_X, "w"], _Y)
GOOD = model([PLAIN], [_weights()])


def _grown(times: int) -> list[bytes]:
    """A chain of `times` operators that each double the width; the last output is `g`."""
    names = [_X, *(f"g{n}" for n in range(times - 1)), "g"]
    return [node("Concat", [a, a], b, axis=1) for a, b in itertools.pairwise(names)]


def _maximum() -> list[bytes]:
    # Here m [n, 1] is the maximum of each row of g. Its product with one [1, N_BINS] has the shape of spectra.
    return [node("ReduceMax", ["g"], "m", keepdims=1) + field(5, field(1, "axes") + field(8, 1) + field(20, 7)),
            node("MatMul", ["m", "one"], _Y)]  # fmt: skip


_ONE = tensor("one", np.zeros((1, N_BINS), np.float32))
_SLOW = [node("Tanh", [f"t{n}" if n else "g"], f"t{n + 1}") for n in range(1900)]
_SLOW_END = [node("ReduceMax", ["t1900"], "m", keepdims=1) + field(5, field(1, "axes") + field(8, 1) + field(20, 7)),
             node("MatMul", ["m", "one"], _Y)]  # fmt: skip

# A model that loads without an error. At the first knob's lower end, it computes the log of 0 and outputs NaN.
_TRAP = [
    node("Slice", [_X, "from", "to", "axis"], "knob"),
    node("Add", ["knob", "one_"], "above"),
    node("Log", ["above"], "log"),
    node("MatMul", ["log", "one"], "zero"),
    node("MatMul", [_X, "w"], "plain"),
    node("Add", ["plain", "zero"], _Y),
]
_TRAP_WEIGHTS = [
    _weights(), _ONE, tensor("from", np.array([0])), tensor("to", np.array([1])), tensor("axis", np.array([1])),
    tensor("one_", np.full((1, 1), 1.0, np.float32)),
]  # fmt: skip
TRAP = model(_TRAP, _TRAP_WEIGHTS)

_BIG = tensor("big", np.zeros(2, np.float32))
MODELS = {
    "of Loop": model([node("Loop", [_X], _Y)], [_weights()]),
    "of folded 2 GB": model(
        [node("Add", ["a", "b"], "c"), node("MatMul", [_X, "w"], "d"), node("Add", ["d", "c"], _Y)],
        [tensor("a", np.zeros((2**14, 1), np.float32)), tensor("b", np.zeros((1, 2**15), np.float32)), _weights()],
    ),
    "with weights outside": model(
        [PLAIN],
        [field(1, N_INPUTS) + field(1, N_BINS) + field(2, 1) + field(8, "w") + field(14, 1)
         + field(13, field(1, "location") + field(2, "/etc/passwd"))],
    ),
    "with an empty check": model([PLAIN], [_weights()], {"check": {"input": [], "output": []}}),
    "with weights that are no numbers": model([PLAIN], [_weights(float("nan"))]),
    "that takes memory": model([*_grown(24), *_maximum()], [_ONE]),
    "that takes time": model([*_grown(9), *_SLOW, *_SLOW_END], [_ONE]),
    "of too many rows": model(
        [node("MatMul", [_X, "w"], "y"), node("Concat", ["y", "y"], _Y, axis=0)], [_weights()]
    ),
    "in another format": struct.pack("<I", 24) + b"ORTM" + bytes(500),
}  # fmt: skip
