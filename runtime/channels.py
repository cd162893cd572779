"""What each of the 16 MIDI channels remembers between messages."""

from __future__ import annotations

import math

N_CHANNELS = 16


class Channel:
    """Controllers of one channel, at rest as MIDI's recommended defaults have them."""

    __slots__ = ("expression", "pan", "sustain", "volume")

    def __init__(self) -> None:
        self.volume, self.pan = 100, 64
        self.reset_controllers()

    def reset_controllers(self) -> None:
        """What CC 121 resets: expression and pedals, not volume and pan. Source: MIDI RP-015."""
        self.expression, self.sustain = 127, False

    def gains(self) -> tuple[float, float]:
        """Left and right gain: (CC7 / 100)^2 (CC11 / 127)^2 at equal power, one on both sides at rest.

        Source of the squares: the MMA's General MIDI level curve, 40 log10(value / 127) dB.
        """
        level = (self.volume / 100.0) ** 2 * (self.expression / 127.0) ** 2
        angle = math.pi / 4.0 * (1.0 + max(-1.0, (self.pan - 64) / 63.0))
        return level * math.sqrt(2.0) * math.cos(angle), level * math.sqrt(2.0) * math.sin(angle)
