"""What a map remembers of a device's controls."""

from __future__ import annotations

from typing import Any

from runtime.control.mapping.takeover import Takeover

NO_PARAMETER = -1


class Halves:
    """A 14-bit control: MSB, LSB, and whether an LSB was ever received."""

    __slots__ = ("has_lsb", "lsb", "msb")

    def __init__(self) -> None:
        self.msb = self.lsb = 0
        self.has_lsb = False

    def share(self, part: int, value: int) -> float:
        """Take a new MSB or LSB; return the control's position, 0 to 1.

        The MSB arrives before its LSB. Until then the LSB counts as 0 if the MSB has grown, and as 127 if the MSB has
        fallen. So the LSB that follows never moves the position back.

        part: 1 if `value` is an MSB, 2 if it is an LSB.
        """
        if part == 2:
            self.lsb, self.has_lsb = value, True
        elif value != self.msb:
            self.lsb = 0 if value > self.msb else 127
            self.msb = value
        if not self.has_lsb:
            return self.msb / 127.0
        return (self.msb << 7 | self.lsb) / 16383.0


class ChannelState:
    """The state of the controls of one device on one channel."""

    __slots__ = ("halves", "parameter", "parameter_msb", "pressed", "takeovers", "touched")

    def __init__(self) -> None:
        self.halves: dict[int, Halves] = {}
        self.takeovers: dict[int, Takeover] = {}
        # The latest value of each switch that moves a target. The key is the index of the switch's line in the map.
        self.pressed: dict[int, int] = {}
        # The latest value of each switch that starts an action. The key is the switch's `key_of`.
        self.touched: dict[int, int] = {}
        self.parameter = NO_PARAMETER
        self.parameter_msb = 127

    def halves_of(self, index: int) -> Halves:
        """The MSB and LSB received from a 14-bit control. index: index of the control's line in the map."""
        found = self.halves.get(index)
        if found is None:
            found = self.halves[index] = Halves()
        return found

    def takeover_of(self, index: int) -> Takeover:
        """The takeover of a control. index: index of the control's line in the map."""
        found = self.takeovers.get(index)
        if found is None:
            found = self.takeovers[index] = Takeover()
        return found

    def memory(self) -> tuple[Any, ...]:
        """The whole state as plain values."""
        return (
            {index: (each.msb, each.lsb, each.has_lsb) for index, each in self.halves.items()},
            {index: each.place for index, each in self.takeovers.items()},
            dict(self.pressed),
            dict(self.touched),
            self.parameter,
            self.parameter_msb,
        )

    @classmethod
    def remembered(cls, memory: tuple[Any, ...]) -> ChannelState:
        """Make a ChannelState from another's `memory`; ValueError if `memory` has the wrong number of items."""
        state = cls()
        halves, takeovers, pressed, touched, state.parameter, state.parameter_msb = memory
        state.pressed, state.touched = dict(pressed), dict(touched)
        for index, (msb, lsb, has_lsb) in halves.items():
            half = state.halves_of(index)
            half.msb, half.lsb, half.has_lsb = msb, lsb, has_lsb
        for index, place in takeovers.items():
            state.takeover_of(index).place = place
        return state
