"""MIDI's control numbers, by meaning.

Source: MIDI 1.0, control change messages; from 120 on, channel mode messages. For SLIDE: MPE 1.0.
"""

from __future__ import annotations

from enum import IntEnum


class Control(IntEnum):
    """Controls with a fixed meaning in MIDI."""

    BANK_SELECT = 0
    MOD_WHEEL = 1
    DATA_ENTRY = 6
    VOLUME = 7
    PAN = 10
    EXPRESSION = 11
    BANK_SELECT_LSB = 32
    DATA_ENTRY_LSB = 38
    SUSTAIN = 64
    SOSTENUTO = 66
    SOFT_PEDAL = 67
    SLIDE = 74  # only on a member channel of an MPE zone; elsewhere, 74 may move a knob
    NRPN_LSB = 98
    NRPN_MSB = 99
    RPN_LSB = 100
    RPN_MSB = 101
    ALL_SOUND_OFF = 120
    RESET_ALL_CONTROLLERS = 121
    LOCAL_CONTROL = 122
    ALL_NOTES_OFF = 123
    OMNI_OFF = 124
    OMNI_ON = 125
    MONO_ON = 126
    POLY_ON = 127


SWITCH_ON = 64  # MIDI 1.0: from this value on, a pedal or switch is on; below, it is off
PEDALS = frozenset({Control.SUSTAIN, Control.SOSTENUTO, Control.SOFT_PEDAL})
# Controls that no map may use: they choose parameters, or are channel mode messages.
PROTOCOL = frozenset(Control(number) for number in (*range(98, 102), *range(120, 128)))
# Controls that must not be given for `phase_control` or in `latent_controls` in the settings, because they have another
# meaning in MIDI.
RESERVED = frozenset(Control) - {Control.SLIDE}
