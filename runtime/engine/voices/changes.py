"""The changes of voices in one span, which the engine passes on to the synthesis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from runtime.engine.voices.bank import Voice


class Stolen(NamedTuple):
    """How loud a voice was when another note took its lane: envelope level, left gain, right gain."""

    lane: int
    level: float
    left: float
    right: float


@dataclass(slots=True)
class Changes:
    """The changes of one span; the object is cleared and used again.

    opening: voices that begin; stolen: the voices that they replaced; retuned: voices whose pitch may have changed;
    touched: voices whose spectrum changed without a knob.
    """

    opening: list[Voice] = field(default_factory=list)
    stolen: list[Stolen] = field(default_factory=list)
    retuned: list[Voice] = field(default_factory=list)
    touched: list[Voice] = field(default_factory=list)

    def clear(self) -> None:
        """Empty all lists."""
        self.opening.clear()
        self.stolen.clear()
        self.retuned.clear()
        self.touched.clear()
