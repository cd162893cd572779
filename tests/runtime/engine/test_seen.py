"""`Engine.seen`: the spectrum and the latents of a sounding voice, which the page draws in its live picture."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import Config
from runtime.engine.build import build_engine
from runtime.engine.engine import Engine
from runtime.events import NoteOn
from runtime.sound.choice import choose_tree

SWAYS = {
    "latents": {"brightness": 0.5, "hollowness": 0.25, "body": 0.0, "noise": 0.0},
    "phase_blend": 1.0,
    "modulation": [{"source": "lfo_1", "target": "latent.brightness", "amount": 0.3}],
    "lfo_1": {"rate_hz": 2.0, "phase": "note"},
}


def engine_of(tree: dict) -> Engine:
    choice = choose_tree(Config(), "virtual-analogue", tree, "a sound", None)
    return build_engine(choice.patch, choice.instrument, 44100)


def render(engine: Engine, n_frames: int) -> np.ndarray:
    out = np.zeros((n_frames, 2), np.float32)
    for first in range(0, n_frames, 256):
        engine.render(out[first : first + 256])
    return out


def test_the_spectrum_has_its_peaks_where_the_sound_has_them() -> None:
    engine = engine_of({key: said for key, said in SWAYS.items() if key not in ("modulation", "lfo_1")})
    engine.post(NoteOn(0, 69, 100))
    heard = render(engine, 22050)[-4096:, 0]
    (voice,) = engine.sounding()
    seen, gain = engine.seen(voice)
    assert list(seen.latents) == pytest.approx([0.5, 0.25, 0.0, 0.0])
    drawn = seen.magnitudes * gain
    measured = np.abs(np.fft.rfft(heard * np.hanning(4096))) / 1024.0
    for harmonic in (1, 2, 3):
        near = slice(round(harmonic * 440.0 / 10.77) - 2, round(harmonic * 440.0 / 10.77) + 3)
        assert 20.0 * np.log10(drawn[near].max() / measured[near].max()) == pytest.approx(0.0, abs=9.0)


def test_the_latents_are_those_of_the_note_not_of_the_knobs() -> None:
    engine = engine_of(SWAYS)
    engine.post(NoteOn(0, 60, 100))
    engine.post(NoteOn(0, 72, 100), 8192)  # on another lane, whose LFO starts more than a third of a cycle later
    places = []
    for _ in range(20):
        render(engine, 2048)
        places.append([engine.seen(voice)[0].latents[0] for voice in engine.sounding()])
    first = [place[0] for place in places]
    assert max(first) > 0.7
    assert min(first) < 0.3
    assert any(len(place) == 2 and abs(place[0] - place[1]) > 0.1 for place in places)
