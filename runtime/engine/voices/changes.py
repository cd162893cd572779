"""The changes of voices in one span."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from runtime.engine.voices.bank import Voice


class Stolen(NamedTuple):
    """A voice whose lane another note took.

    level: the value of the voice's envelope when the lane was taken.
    left, right: the voice's gains when the lane was taken.
    is_modulated: whether these gains must still be multiplied by the voice's modulated gains, from `GridGains`.
    """

    lane: int
    level: float
    left: float
    right: float
    is_modulated: bool


@dataclass(slots=True)
class Changes:
    """The changes of one span; the object is cleared and used again.

    opening: voices that begin.
    stolen: voices that lost their lanes.
    retuned: voices whose pitch may have changed.
    touched: voices that need a new spectrum because of a new note or an MPE slide.
    """

    opening: list[Voice] = field(default_factory=list)
    stolen: list[Stolen] = field(default_factory=list)
    retuned: list[Voice] = field(default_factory=list)
    touched: list[Voice] = field(default_factory=list)

    def clear(self) -> None:
        self.opening.clear()
        self.stolen.clear()
        self.retuned.clear()
        self.touched.clear()
