"""Checks that no whole number in an ONNX graph can be an index out of range, whatever is played."""

from __future__ import annotations

from dataclasses import dataclass, field

# Numbers of TensorProto.DataType that hold fractions: float, float16, double.
_FRACTIONS = frozenset((1, 10, 11))
_LAST_AXIS = 2**64 - 1  # -1, as ONNX encodes it


@dataclass
class Node:
    """One node of a graph, as the file says.

    inputs, outputs: names of tensors; an input that is left out has the name "".
    numbers: the whole numbers of each attribute, by its name.
    """

    operator: str = ""
    domain: str = ""
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    numbers: dict[str, list[int]] = field(default_factory=dict)


class IndexCheck:
    """Follows the whole numbers that depend on what is played, from node to node.

    Such a number could be an index out of range, or a zero to divide by. Only one use is allowed: to find a row of a
    constant table. There, the product with a constant gives one score per column, ArgMax gives the number of the
    highest score, and Gather reads the table's row of that number. The table has at least as many rows as there are
    scores.
    """

    def __init__(self) -> None:
        self._sizes: dict[str, list[int]] = {}  # of constants
        self._n_scores: dict[str, int] = {}  # sizes of the last dimension, of products with a constant
        self._limits: dict[str, int] = {}  # by tensor of whole numbers: each of these numbers is below this limit

    def add_constant(self, name: str, sizes: list[int]) -> None:
        """Remember the sizes of a constant."""
        self._sizes[name] = sizes

    def forget_constant(self, name: str) -> None:
        """Treat a tensor as one that is not constant."""
        self._sizes.pop(name, None)

    def allows(self, node: Node, moves: bool) -> bool:
        """Whether the node makes and uses whole numbers only in the allowed way; to be asked in the graph's order.

        moves: whether one of the node's inputs depends on what is played.
        """
        first, second = (*node.inputs, "", "")[:2]
        if any(name in self._limits for name in node.inputs):
            return self._reads_row(node, first, second)
        if node.operator == "ArgMax":
            self._limits.update(dict.fromkeys(node.outputs, self._n_scores.get(first, 0)))
            return first in self._n_scores and node.numbers.get("axis") == [_LAST_AXIS]
        if node.operator == "MatMul" and len(sizes := self._sizes.get(second, [])) == 2:
            self._n_scores.update(dict.fromkeys(node.outputs, sizes[1]))
        elif node.operator == "Cast":
            if not moves and first in self._sizes:
                self._sizes.update(dict.fromkeys(node.outputs, self._sizes[first]))
            return not moves or _FRACTIONS.issuperset(node.numbers.get("to", []))
        return True

    def _reads_row(self, node: Node, table: str, index: str) -> bool:
        if node.operator != "Gather" or len(node.inputs) != 2 or table in self._limits:
            return False
        along_rows = set(node.numbers.get("axis", [])) <= {0}
        return along_rows and bool(sizes := self._sizes.get(table)) and self._limits[index] <= sizes[0]
