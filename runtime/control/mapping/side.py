"""What is remembered of the controls of one device on one channel."""

from __future__ import annotations

from typing import Any

from runtime.control.mapping.takeover import Takeover

NO_PARAMETER = -1


class Halves:
    """A 14-bit control: its two halves, and whether the less significant one ever came."""

    __slots__ = ("has_lsb", "lsb", "msb")

    def __init__(self) -> None:
        self.msb = self.lsb = 0
        self.has_lsb = False

    def share(self, part: int, value: int) -> float:
        """The control's share of its travel after one of its halves has come.

        The halves come one after the other. Until the second one is there, the first one moves the control no further
        than it must, so that it never turns back on its way.
        """
        if part == 2:
            self.lsb, self.has_lsb = value, True
        elif value != self.msb:
            self.lsb = 0 if value > self.msb else 127
            self.msb = value
        if not self.has_lsb:
            return self.msb / 127.0
        return (self.msb << 7 | self.lsb) / 16383.0


class Side:
    """What is remembered of one device's channel: 14-bit halves, the chosen parameter, takeovers and switches."""

    __slots__ = ("halves", "parameter", "parameter_msb", "pressed", "takeovers", "touched")

    def __init__(self) -> None:
        self.halves: dict[int, Halves] = {}
        self.takeovers: dict[int, Takeover] = {}
        self.pressed: dict[int, int] = {}  # last value of each switch that moves a target
        self.touched: dict[int, int] = {}  # last value of each switch that starts an action
        self.parameter = NO_PARAMETER
        self.parameter_msb = 127

    def halves_of(self, index: int) -> Halves:
        """The halves of the 14-bit control that a map's line `index` names."""
        found = self.halves.get(index)
        if found is None:
            found = self.halves[index] = Halves()
        return found

    def takeover_of(self, index: int) -> Takeover:
        """The takeover of the control that a map's line `index` names."""
        found = self.takeovers.get(index)
        if found is None:
            found = self.takeovers[index] = Takeover()
        return found

    def memory(self) -> tuple[Any, ...]:
        """All of it as plain values, for `remembered`."""
        return (
            {index: (each.msb, each.lsb, each.has_lsb) for index, each in self.halves.items()},
            {index: each.place for index, each in self.takeovers.items()},
            dict(self.pressed),
            dict(self.touched),
            self.parameter,
            self.parameter_msb,
        )

    @classmethod
    def remembered(cls, memory: tuple[Any, ...]) -> Side:
        """One that goes on from such values; ValueError for what is no `memory`."""
        side = cls()
        halves, takeovers, pressed, touched, side.parameter, side.parameter_msb = memory
        side.pressed, side.touched = dict(pressed), dict(touched)
        for index, (msb, lsb, has_lsb) in halves.items():
            half = side.halves_of(index)
            half.msb, half.lsb, half.has_lsb = msb, lsb, has_lsb
        for index, place in takeovers.items():
            side.takeover_of(index).place = place
        return side
