"""Chooses the note that an arpeggiator plays at a step."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.events import NoteOn
from runtime.sound.arpeggio import Arpeggio

HIGHEST_NOTE = 127
_64_BITS = (1 << 64) - 1


def note_at(settings: Arpeggio, chord: Sequence[NoteOn], step: int) -> NoteOn:
    """Return the note that is played at a step; it is never above 127.

    chord: the keys that are played, at least one, in the order in which they were struck.
    step: number of steps since the chord began.
    """
    keys = list(chord) if settings.mode == "as_played" else sorted(chord, key=lambda key: (key.note, key.channel))
    shifts = [12 * octave for octave in range(settings.octaves)]
    notes = [(key, key.note + shift) for shift in shifts for key in keys if key.note + shift <= HIGHEST_NOTE]
    if settings.mode == "down":
        notes.reverse()
    elif settings.mode == "up_down":
        notes += notes[-2:0:-1]
    place = random_number(settings.seed, step) if settings.mode == "random" else step
    key, note = notes[place % len(notes)]
    return NoteOn(key.channel, note, settings.velocity or key.velocity, key.device)


def random_number(seed: int, step: int) -> int:
    """Mix a seed and a step into a 64-bit number, as SplitMix64 does (Steele and others 2014)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step + 1) * 0x9E3779B97F4A7C15 & _64_BITS
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64_BITS
    return mixed ^ mixed >> 31
