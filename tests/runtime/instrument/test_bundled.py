"""The bundled instrument is in tune, and each knob does what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import load
from tests.support.hearing import cents_off

N_POINTS = 80


@pytest.fixture(scope="module")
def instrument() -> Decoder:
    return load("virtual-analogue")


def play(engine: Engine, note: int, positions: list[float], seconds: float = 0.5) -> np.ndarray:
    """A note's sound: mono, float32 (n_frames,), without the first 6144 frames."""
    for latent, position in enumerate(positions):
        engine.post(KnobTurn(latent, position))
    engine.post(NoteOn(0, note, 100))
    out = np.zeros((int(seconds * engine.sample_rate_hz), 2), np.float32)
    engine.render(out)
    engine.post(NoteOff(0, note))
    engine.render(np.zeros((4096, 2), np.float32))
    return out[6144:, 0]


@pytest.fixture(scope="module")
def engine(instrument: Decoder) -> Engine:
    voice = VoiceConfig(n_voices=1, envelope=Adsr(attack_s=0.0, release_s=0.01))
    return Engine(instrument, config=Config(voice=voice, phase_blend=1.0))


def test_random_notes_at_random_knobs_are_heard_at_their_keys(instrument: Decoder, engine: Engine):
    """The pitch is measured in the sound's samples; `evaluate` measures it in spectra."""
    random = np.random.default_rng(11)
    lowest, highest = instrument.card.note_range
    assert highest - lowest >= 48
    notes = random.integers(lowest, highest + 1, N_POINTS).tolist()
    places = random.random((N_POINTS, instrument.card.n_latents)).tolist()
    off = [cents_off(play(engine, note, place), 44100, note) for note, place in zip(notes, places, strict=True)]
    assert np.mean(np.abs(off) <= 20.0) >= 0.95, sorted(np.round(off).tolist())
    assert np.mean(np.abs(off) >= 1100.0) <= 0.02


def test_the_card_says_how_well_it_plays(instrument: Decoder):
    points, reach = instrument.card.measured["points"], instrument.card.measured["reach"]
    assert points["n_points"] >= 2000
    assert points["in_tune"] >= 0.98
    assert points["octave_off"] < 0.01
    assert reach["nearest_db"] < reach["corpus_mean_db"]


def test_each_knob_changes_what_it_is_named_after(instrument: Decoder, engine: Engine):
    assert [latent.name for latent in instrument.card.latents] == ["brightness", "hollowness", "body", "noise"]

    def heard(knob: int, position: float) -> np.ndarray:
        positions = [0.5] * 4
        positions[knob] = position
        sound = play(engine, 57, positions, 1.0)[: 2**14]
        power = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
        return power / power.sum()

    frequency_hz = np.fft.rfftfreq(2**14, 1.0 / 44100)
    harmonic = np.rint(frequency_hz / 220.0)
    apart_hz = np.abs(frequency_hz - harmonic * 220.0)
    odd, even = ((harmonic > 1) & (harmonic % 2 == parity) & (apart_hz < 15.0) for parity in (1, 0))
    measures = {
        0: lambda power: np.sqrt(power) @ frequency_hz / np.sqrt(power).sum(),
        1: lambda power: power[odd].sum() / power[even].sum(),
        2: lambda power: power[(harmonic == 1) & (apart_hz < 15.0)].sum(),
        3: lambda power: power[apart_hz > 30.0].sum(),
    }
    for knob, measure in measures.items():
        low, middle, high = (measure(heard(knob, position)) for position in (0.05, 0.5, 0.95))
        assert low < middle < high, instrument.card.latents[knob].name
