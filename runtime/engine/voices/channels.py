"""The controllers of the 16 MIDI channels, and the MPE zones that group channels."""

from __future__ import annotations

import math
from collections.abc import Callable

from runtime.control_numbers import Control
from runtime.events import N_CHANNELS

BEND_RANGE_SEMITONES = 2.0
MPE_BEND_RANGE_SEMITONES = 48.0
_NO_PARAMETER = (127, 127)
_SQRT_2 = math.sqrt(2.0)


class Channel:
    """The controllers of one channel; they begin at MIDI's recommended defaults."""

    __slots__ = ("_fine_semitones", "bank", "bend", "bend_range_semitones", "coarse_semitones", "controls",
                 "expression", "has_bank_lsb", "key_pressure", "mod_wheel", "pan", "parameter", "pressure", "program",
                 "slide", "soft", "sostenuto", "sustain", "volume")  # fmt: skip

    def __init__(self) -> None:
        self.volume, self.pan, self.slide = 100, 64, 64
        self.bank, self.program, self.has_bank_lsb = 0, 0, False
        self.bend_range_semitones = BEND_RANGE_SEMITONES
        self.coarse_semitones = self._fine_semitones = 0.0
        self.key_pressure: dict[int, int] = {}
        self.controls = [0] * 128
        self.reset_controllers()

    def reset_controllers(self) -> None:
        """Reset what CC 121 resets. Source: MIDI's RP-015."""
        self.expression, self.mod_wheel, self.pressure = 127, 0, 0
        self.sustain = self.sostenuto = self.soft = False
        self.bend = 0.0
        self.key_pressure.clear()
        self.controls[:] = [0] * 128
        self.parameter = _NO_PARAMETER

    @property
    def level(self) -> float:
        """Gain by volume and expression, 1 at the defaults. Source: General MIDI's curve, 40 log10(value / 127) dB."""
        return (self.volume / 100.0) ** 2 * (self.expression / 127.0) ** 2

    @property
    def pitch_semitones(self) -> float:
        """Pitch shift by the bend wheel and the channel's tuning."""
        return self.bend * self.bend_range_semitones + self.coarse_semitones + self._fine_semitones

    def select_bank(self, control: int, value: int) -> None:
        """Apply CC 0 or 32: choose the bank of the next program change.

        In MIDI 1.0 the bank is 128 * CC 0 + CC 32. Many keyboards send only CC 0: until CC 32 comes, CC 0 is the bank.
        """
        if control == Control.BANK_SELECT:
            self.bank = value << 7 | self.bank & 127 if self.has_bank_lsb else value
        else:
            high = self.bank >> 7 if self.has_bank_lsb else self.bank
            self.bank, self.has_bank_lsb = high << 7 | value, True

    def choose_parameter(self, control: int, value: int) -> None:
        """Apply CC 98 to 101. 100 and 101 choose the parameter that data entry sets; after 98 or 99, none is chosen."""
        msb, lsb = self.parameter
        if control in (Control.NRPN_LSB, Control.NRPN_MSB):
            self.parameter = _NO_PARAMETER
        else:
            self.parameter = (value, lsb) if control == Control.RPN_MSB else (msb, value)

    def enter_data(self, control: int, value: int) -> int | None:
        """Apply CC 6 or 38: set the chosen parameter.

        Returns the new number of members if the parameter is an MPE zone's number of members, otherwise None.
        """
        coarse = control == Control.DATA_ENTRY
        if self.parameter == (0, 0):
            whole = math.floor(self.bend_range_semitones)
            self.bend_range_semitones = float(value) if coarse else whole + min(value, 99) / 100.0
        elif self.parameter == (0, 1) and coarse:
            self._fine_semitones = (value - 64) / 64.0
        elif self.parameter == (0, 2) and coarse:
            self.coarse_semitones = float(value - 64)
        elif self.parameter == (0, 6) and coarse:
            return value
        return None


class Channels:
    """All 16 channels and their MPE zones. In all methods `number` is a channel, 0 to 15.

    In a zone the master channel's controllers also act on its member channels. The lower zone's master is channel 0;
    its members are the next channels. The upper zone's master is channel 15; its members are the channels before it.
    Source: MIDI Polyphonic Expression 1.0.

    n_lower, n_upper: how many members the lower and the upper zone have at the start; 0 for no zone.
    """

    def __init__(self, n_lower: int = 0, n_upper: int = 0):
        self._start = n_lower, n_upper
        self.reset()

    def reset(self) -> None:
        self._channels = [Channel() for _ in range(N_CHANNELS)]
        self._n_members = [0, 0]
        self._master = [-1] * N_CHANNELS
        self._find_members()
        for zone, n_members in enumerate(self._start):
            if n_members:
                self.set_zone(0 if zone == 0 else N_CHANNELS - 1, n_members)

    def __getitem__(self, number: int) -> Channel:
        return self._channels[number]

    def enter_data(self, number: int, control: int, value: int) -> bool:
        """Apply CC 6 or 38 of a channel; return whether a zone changed.

        A bend range set for one member of a zone holds for all members.
        """
        channel, master = self._channels[number], self._master[number]
        n_members = channel.enter_data(control, value)
        if master >= 0 and channel.parameter == (0, 0):
            for member in self.with_members(master)[1:]:
                self._channels[member].bend_range_semitones = channel.bend_range_semitones
        if n_members is None or number not in (0, N_CHANNELS - 1):
            return False
        self.set_zone(number, n_members)
        return True

    def set_zone(self, master: int, n_members: int) -> None:
        """Set the number of members of a zone; the other zone shrinks if the two overlap. master: channel 0 or 15."""
        zone = 0 if master == 0 else 1
        self._n_members[zone] = min(n_members, N_CHANNELS - 1)
        room = N_CHANNELS - 2 - self._n_members[zone]
        self._n_members[1 - zone] = max(0, min(self._n_members[1 - zone], room))
        lower = range(1, 1 + self._n_members[0])
        upper = range(N_CHANNELS - 1 - self._n_members[1], N_CHANNELS - 1)
        before = self._master
        self._master = [0 if c in lower else N_CHANNELS - 1 if c in upper else -1 for c in range(N_CHANNELS)]
        self._find_members()
        for number, channel in enumerate(self._channels):
            if self._master[number] != before[number]:
                member = self._master[number] >= 0
                channel.bend_range_semitones = MPE_BEND_RANGE_SEMITONES if member else BEND_RANGE_SEMITONES

    def _find_members(self) -> None:
        members = [[c for c in range(N_CHANNELS) if self._master[c] == number] for number in range(N_CHANNELS)]
        self._with_members = [[number, *of_channel] for number, of_channel in enumerate(members)]

    def is_member(self, number: int) -> bool:
        return self._master[number] >= 0

    def with_members(self, number: int) -> list[int]:
        """The channels on which this channel's controllers act: itself and its members, if any."""
        return self._with_members[number]

    def _family(self, number: int) -> list[Channel]:
        master = self._master[number]
        return [self._channels[number]] + ([self._channels[master]] if master >= 0 else [])

    def highest(self, number: int, of: Callable[[Channel], int]) -> int:
        """The higher of a channel's value and its master's value; without a master, the channel's value.

        of: returns a channel's value.
        """
        return max(of(channel) for channel in self._family(number))

    def level(self, number: int) -> float:
        """Gain of a channel's notes, 1 at the defaults."""
        level, master = self._channels[number].level, self._master[number]
        return level * self._channels[master].level if master >= 0 else level

    def expression(self, number: int) -> float:
        return math.prod(channel.expression / 127.0 for channel in self._family(number))

    def pan(self, number: int) -> float:
        """Pan of a channel's notes, with its master's pan added: -1 left, 0 middle, 1 right.

        The sum can lie outside -1 to 1.
        """
        pan, master = self._channels[number].pan - 64, self._master[number]
        return (pan + self._channels[master].pan - 64 if master >= 0 else pan) / 63.0

    def gains(self, number: int, pan: float = 0.0) -> tuple[float, float]:
        """Left and right gain of a channel's notes, by equal-power panning. Both gains are 1 at the defaults.

        pan: the sound's pan, -1 to 1, added to the channel's pan.
        """
        level, pan = self.level(number) * _SQRT_2, pan + self.pan(number)
        angle = math.pi / 4.0 * (1.0 + max(-1.0, min(1.0, pan)))
        return level * math.cos(angle), level * math.sin(angle)

    def pitch_semitones(self, number: int) -> float:
        """Pitch shift of a channel's notes: bend and tuning of the channel and of its master."""
        semitones, master = self._channels[number].pitch_semitones, self._master[number]
        return semitones + self._channels[master].pitch_semitones if master >= 0 else semitones

    def sustained(self, number: int) -> bool:
        return any(channel.sustain for channel in self._family(number))

    def soft(self, number: int) -> bool:
        master = self._master[number]
        return self._channels[number].soft or (master >= 0 and self._channels[master].soft)

    def vibrato_depth(self, number: int) -> int:
        """Vibrato depth of a channel's notes: modulation wheel plus channel pressure; 127 and more are full depth."""
        channel, master = self._channels[number], self._master[number]
        if master < 0:
            return channel.mod_wheel + channel.pressure
        above = self._channels[master]
        return max(channel.mod_wheel, above.mod_wheel) + max(channel.pressure, above.pressure)
