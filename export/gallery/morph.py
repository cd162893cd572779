"""Plays the gallery's morph: while a chord is held, the knobs travel from sound to sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from export.gallery.audio import note, render
from export.gallery.cast import Heard
from runtime.config import Adsr, Config, VoiceConfig
from runtime.events import Event, KnobTurn
from runtime.instrument.decoder import Decoder
from runtime.instrument.presets import start_positions
from runtime.sound.patch import Patch

CHORD, VELOCITY = (48, 55, 60, 64), 90
N_STOPS = 4
STAYS_S, TRAVELS_S = 1.6, 2.4
STEP_S = 0.02
RELEASE_S = 0.8


def stops(sounds: Sequence[Heard], instrument: Decoder) -> list[Heard]:
    """Choose at most N_STOPS sounds. The first of `sounds` is always chosen.

    Each further choice is the sound that is farthest from the sounds chosen so far. A sound's distance from them is its
    distance from the nearest of them, measured between the knob positions.
    """
    positions = np.array([_positions(heard, instrument) for heard in sounds])
    chosen = [0]
    while len(chosen) < min(N_STOPS, len(sounds)):
        apart = np.linalg.norm(positions[:, None] - positions[chosen], axis=-1).min(axis=1)
        chosen.append(int(np.argmax(apart)))
    return [sounds[place] for place in chosen]


def play_morph(instrument: Decoder, chosen: Sequence[Heard]) -> np.ndarray:
    """Play the chord while the knobs travel; return the audio, mono float32 (n_frames,).

    The knobs travel through the positions of the chosen sounds. The phase blend is that of the first chosen sound. The
    chosen sounds' other settings are not used. The audio does not have the gallery's loudness yet.
    """
    places = [_positions(heard, instrument) for heard in chosen]
    end_s = starts_s(len(chosen))[-1] + STAYS_S
    envelope = Adsr(attack_s=0.15, release_s=RELEASE_S)
    settings = Config(voice=VoiceConfig(envelope=envelope), phase_blend=chosen[0].patch.settings.phase_blend)
    events: list[tuple[float, Event]] = [event for number in CHORD for event in note(0.0, end_s, number, VELOCITY)]
    for number, start_s in enumerate(starts_s(len(chosen))[:-1]):
        events += _travel(start_s + STAYS_S, places[number], places[number + 1])
    return render(instrument, Patch(settings, positions=tuple(places[0].tolist())), events).mean(axis=1)


def starts_s(n_stops: int) -> list[float]:
    """The times in s at which the morph reaches each of n_stops sounds."""
    return [number * (STAYS_S + TRAVELS_S) for number in range(n_stops)]


def _travel(start_s: float, before: np.ndarray, after: np.ndarray) -> list[tuple[float, Event]]:
    shares = np.arange(1, round(TRAVELS_S / STEP_S) + 1) / round(TRAVELS_S / STEP_S)
    return [
        (start_s + share * TRAVELS_S, KnobTurn(knob, float(a + (b - a) * share)))
        for share in shares.tolist()
        for knob, (a, b) in enumerate(zip(before, after, strict=True))
    ]


def _positions(heard: Heard, instrument: Decoder) -> np.ndarray:
    return np.array(heard.patch.positions or start_positions(instrument.card))
