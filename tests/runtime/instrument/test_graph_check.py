"""A forbidden ONNX file is refused before onnxruntime reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.instrument import session
from runtime.instrument.decoder import Decoder
from runtime.instrument.foreign.graph_check import LARGEST_VALUES, MOST_NODES, refuse_bad_graph
from runtime.instrument.library import BUNDLED_FOLDER
from tests.support.hostile_models import field
from tests.support.places import DATA

TINY = (DATA / "tiny.onnx").read_bytes()


def tensor(name: str, sizes: list[int], raw: bytes = b"", kind: int = 1, more: bytes = b"") -> bytes:
    """A tensor, encoded as in ONNX.

    kind: number of the data type, 1 for float32.
    more: further fields, already encoded.
    """
    return b"".join(field(1, size) for size in sizes) + field(2, kind) + field(8, name) + field(9, raw) + more


def node(operator: str, inputs: list[str], output: str = "y", more: bytes = b"") -> bytes:
    return b"".join(field(1, given) for given in inputs) + field(2, output) + field(4, operator) + more


def model(*nodes: bytes, weights: bytes | tuple[bytes, ...] = (), more: bytes = b"") -> bytes:
    graph = field(11, field(1, "x")) + b"".join(field(1, each) for each in nodes)
    graph += b"".join(field(5, each) for each in ((weights,) if isinstance(weights, bytes) else weights))
    return field(1, 8) + field(7, graph) + more


def attribute(name: str, number: int) -> bytes:
    return field(5, field(1, name) + field(3, number % 2**64))


def table_row(
    *further: bytes, n_rows: int = 8, scores: str = "w", axis: int = -1, table: str = "table", along: int = 0
) -> bytes:
    """A model that finds a table's row by the highest of eight scores, as `export` writes it.

    further: nodes after these.
    n_rows: number of the table's rows.
    scores: the tensor that what is played is multiplied by.
    axis: the dimension in which ArgMax looks for the highest score.
    along: the dimension in which Gather counts.
    """
    row = [
        node("MatMul", ["x", scores], "scores"),
        node("ArgMax", ["scores"], "number", more=attribute("axis", axis)),
        node("Gather", [table, "number"], "row", more=attribute("axis", along)),
    ]
    constants = tensor("w", [4, 8], bytes(128)), tensor("table", [n_rows, 2], bytes(8 * n_rows))
    return model(*row, *further, weights=constants)


GOOD = node("Relu", ["x"])
TO_INT64 = attribute("to", 7)
BAD = {
    "a loop": (model(node("Loop", ["x"])), "the operator Loop"),
    "a branch": (model(node("If", ["x"], more=field(5, field(1, "then_branch") + field(6, b"")))), "within the graph"),
    "an operator of another domain": (model(node("Gelu", ["x"], more=field(7, "com.microsoft"))), "of com.microsoft"),
    "a tensor as large as a number says": (model(node("ConstantOfShape", ["x"])), "ConstantOfShape"),
    "constants multiplied": (model(node("MatMul", ["w", "w"]), weights=tensor("w", [2], bytes(8))), "constants alone"),
    "folded twice": (
        model(node("Cast", ["w"], "v"), node("Add", ["v", "w"]), weights=tensor("w", [2], bytes(8))),
        "Add with constants alone",
    ),
    "weights in another file": (model(GOOD, weights=tensor("w", [1], more=field(13, b""))), "in another file"),
    "weights elsewhere": (model(GOOD, weights=tensor("w", [1], more=field(14, 1))), "in another file"),
    "weights that are not there": (model(GOOD, weights=tensor("w", [4096], bytes(16))), "4,096 weights in"),
    "too many weights": (model(GOOD, weights=tensor("w", [LARGEST_VALUES, 2])), "weights, more than"),
    "text as weights": (model(GOOD, weights=tensor("w", [1], kind=8)), "weights of the type 8"),
    "sparse weights": (field(7, field(15, b"")), "sparse"),
    "functions": (model(GOOD, more=field(25, b"")), "functions"),
    "training": (model(GOOD, more=field(20, b"")), "training"),
    "no graph": (field(1, 8), "0 graphs"),
    "two graphs": (model(GOOD) + field(7, b""), "2 graphs"),
    "too many operators": (model(*[GOOD] * (MOST_NODES + 1)), "operators, more than"),
    "a name that rings the bell": (model(node("Relu", ["x\x07"])), "cannot be printed"),
    "a name without an end": (model(node("Relu", ["x" * 5000])), "a name of 5,000 characters"),
    "a name of broken text": (model(node("Relu", ["x"], more=field(3, b"\xff\xfe"))), "utf-8"),
    "a card of broken text": (model(GOOD, more=field(14, field(1, "timbrebox") + field(2, b"\xb0"))), "utf-8"),
    "a part that is a number": (field(7, 3), "a number in place of a part"),
    "the number zero": (b"\x00\x00", "number 0"),
    "an endless number": (b"\x08" + b"\xff" * 20, "more than 10 bytes"),
    "a cut number": (b"\x08\xff", "without an end"),
    "a cut part": (b"\x3a\x7fabc", "longer than what is left"),
    "sizes as fixed numbers": (model(GOOD, weights=tensor("w", [2**40], more=b"\x0d\0\0\0\0")), "in place of a part"),
    "sizes without end": (model(GOOD, weights=field(1, bytes(10**6)) + field(2, 1)), "more than 8 numbers"),
    "many sizes": (model(GOOD, weights=tensor("w", [1] * 9)), "9 dimensions"),
    "a place by a large number": (model(GOOD, weights=tensor("w", [1], bytes(4), more=field(14, 2**32))), "another"),
    "parts without end": (field(14, b"") * 200_000, "more than 100,000 parts"),
    "folded before it is made": (
        model(node("Add", ["v", "v"], "y"), node("Cast", ["w"], "v"), weights=tensor("w", [2], bytes(8))),
        "the operator Add before",
    ),
    "a size that is played": (model(node("Pad", ["x", "x"])), "Pad with a size that moves"),
    "a size that is an input's default": (model(node("Pad", ["", "x"]), weights=tensor("x", [2], bytes(8))), "moves"),
    "whole numbers that are played": (model(node("Cast", ["x"], more=TO_INT64)), "whole numbers made of"),
    "a number for a table that is too short": (table_row(n_rows=7), "whole numbers made of"),
    "a number for a table that is played": (table_row(table="scores"), "whole numbers made of"),
    "a number among what is played": (table_row(scores="x"), "whole numbers made of"),
    "a number of a row of scores": (table_row(axis=0), "whole numbers made of"),
    "a number along a table's rows": (table_row(along=1), "whole numbers made of"),
    "a number to divide by": (table_row(node("Div", ["number", "number"])), "whole numbers made of"),
    "a number that hides": (table_row(node("Neg", ["number"], "v"), node("Gather", ["table", "v"])), "whole numbers"),
    "a number from nowhere": (model(node("ArgMax", [])), "whole numbers made of"),
    "a table that is an input's default": (
        model(
            node("MatMul", ["x", "x"], "scores"),
            node("ArgMax", ["scores"], "number", more=attribute("axis", -1)),
            node("Gather", ["x", "number"]),
            weights=tensor("x", [8, 8], bytes(256)),
        ),
        "whole numbers made of",
    ),
    "a table made twice": (table_row(node("Relu", ["x"], "table")), "makes what is already there"),
    "another format": (b"\x12\x7f\x01\0ORTM" + bytes(200), "another format"),
    "an old group": (b"\x0b", "wire type 3"),
}


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD)
def test_what_must_not_be_there_is_refused_in_one_line(content: bytes, says: str) -> None:
    with pytest.raises(UserError) as caught:
        refuse_bad_graph(content, Path("strange.onnx"))
    assert says in str(caught.value)
    assert str(caught.value).startswith("strange.onnx: found ")
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_such_a_file_without_a_fault_is_accepted() -> None:
    refuse_bad_graph(model(GOOD, weights=tensor("w", [2], bytes(8))), Path("good.onnx"))
    refuse_bad_graph(model(node("Cast", ["w"]), weights=tensor("w", [2], bytes(8))), Path("good.onnx"))
    refuse_bad_graph(table_row(), Path("good.onnx"))


@pytest.mark.parametrize(
    "path", sorted([*BUNDLED_FOLDER.glob("*.onnx"), *DATA.glob("*.onnx")]), ids=lambda path: path.name
)
def test_our_own_instruments_are_accepted(path: Path) -> None:
    refuse_bad_graph(path.read_bytes(), path)


def test_a_file_with_flipped_bits_is_used_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An accepted file does not crash onnxruntime, even without `refuse_untried`."""
    monkeypatch.setattr(session, "refuse_untried", lambda _content, _path: None)
    random, lines = np.random.default_rng(5), []
    for number in range(200):
        content = bytearray(TINY)
        places = random.integers(len(content) if number % 2 else 3000, size=1 + number % 3)
        for place in places:
            content[place if number % 2 else -1 - place] ^= 1 << int(random.integers(8))
        path = tmp_path / "flipped.onnx"
        path.write_bytes(content)
        try:
            Decoder(path)
        except UserError as error:
            lines.append(str(error))
    assert len(lines) > 20
    assert all(line.isprintable() for line in lines)
