"""With coherent phases, notes are in tune, and nothing clicks."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.loudness import k_weighting
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.config import Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, PhaseBlend, PitchWheel
from runtime.instrument.library import load
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from tests.runtime.engine.test_clicks import worst_excess_db
from tests.runtime.engine.test_partitions import assert_same, dense_piece
from tests.support.hearing import cents_off
from tests.support.playing import Player, decoder

SPEC = StftSpec()
RATE_HZ = SPEC.sample_rate_hz
N_RMS = round(0.03 * RATE_HZ)  # samples in about two periods of the lowest note that `unsteadiness` is given


def errors(sound: np.ndarray, wanted: np.ndarray, hop_size: int) -> np.ndarray:
    """The error |a Z - M| / |M| of each frame.

    Z: the sound's STFT magnitudes. The STFT has a hop of `hop_size` samples.
    M: `wanted`: one row for each frame, or one for all frames, (n_bins,).
    a: one gain for all frames. It makes the sum of |a Z - M|^2 smallest.
    """
    again = magnitude_frames(sound, StftSpec(hop_size=hop_size))
    wanted = np.broadcast_to(wanted, again.shape)
    gain = (again * wanted).sum() / np.square(again).sum()
    return np.linalg.norm(gain * again - wanted, axis=1) / np.linalg.norm(wanted, axis=1)


def unsteadiness(sound: np.ndarray) -> float:
    """Measure the RMS of each 30 ms section; returns the standard deviation of these values, divided by their mean."""
    rms = np.sqrt(np.mean(np.square(sound[: len(sound) // N_RMS * N_RMS].reshape(-1, N_RMS)), axis=1))
    return float(rms.std() / rms.mean())


def loudness_db(sound: np.ndarray) -> float:
    """K-weighted level in dB, relative to an arbitrary reference."""
    power = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
    return float(10.0 * np.log10(power @ k_weighting(np.arange(len(power)) * RATE_HZ / len(sound))))


@pytest.mark.parametrize("note", [24, 36, 47, 60, 83, 84, 96, 108])
def test_every_note_is_in_tune(note: int) -> None:
    sound = Player(1, knobs=(1.0, 1.0), phase_blend=1.0).send(NoteOn(0, note, 100)).hear(0.8)[4410:, 0]
    assert abs(cents_off(sound, RATE_HZ, note)) < 2.0


@pytest.mark.parametrize(("wheel", "width"), [(0, 0.0), (0, 1.0), (4096, 0.0)], ids=["plain", "wide", "bent"])
def test_dark_low_notes_of_a_trained_instrument_are_in_tune(wheel: int, width: float) -> None:
    """A model's harmonics are a little out of tune. In a dark sound, almost only the lowest one is heard."""
    instrument, config = load("virtual-analogue"), Config(voice=VoiceConfig(n_voices=1), phase_blend=1.0)
    latents = {latent.name: 0.5 for latent in instrument.card.latents} | {"body": 0.1}
    patch = with_sound(config, Sound(latents=latents, tilt_db_per_octave=-12.0, width=width), instrument.card, "dark")
    for note in (36, 40, 45, 47):
        engine = Engine(instrument, sample_rate_hz=RATE_HZ, patch=patch)
        sound = np.zeros((RATE_HZ * 4 // 5, 2), np.float32)
        for event in (PitchWheel(0, wheel), NoteOn(0, note, 100)):
            engine.post(event)
        engine.render(sound)
        assert abs(cents_off(sound[4410:].sum(axis=1), RATE_HZ, note + 2 * wheel / 8192)) < 2.0, note


@pytest.mark.parametrize("instrument", ["tiny-chroma", "tiny-none"])
@pytest.mark.parametrize("note", [43, 59, 76])
def test_transposing_instruments_are_in_tune(instrument: str, note: int) -> None:
    player = Player(1, knobs=(1.0, 1.0), instrument=instrument, phase_blend=1.0)
    assert abs(cents_off(player.send(NoteOn(0, note, 100)).hear(0.8)[4410:, 0], RATE_HZ, note)) < 2.0


def test_a_bend_is_in_tune_and_so_is_the_way_back() -> None:
    player = Player(1, knobs=(1.0, 1.0), phase_blend=1.0).send(NoteOn(0, 60, 100))
    for bend, note in ((4096, 61), (-8192, 58), (0, 60)):
        player.hear(0.3)
        assert abs(cents_off(player.send(PitchWheel(0, bend)).hear(0.6)[2205:, 0], RATE_HZ, note)) < 2.0


@pytest.mark.parametrize("note", [60, 36, 96], ids=["plain", "down", "up"])
def test_the_blend_turns_a_noisy_note_into_a_steady_one_and_back(note: int) -> None:
    player = Player(1, knobs=(0.7, 0.4)).send(NoteOn(0, note, 100))
    breath, tone, breath_again = (
        unsteadiness(player.send(PhaseBlend(blend)).hear(1.1)[4410:, 0]) for blend in (0.0, 1.0, 0.0)
    )
    assert tone < 0.25 * min(breath, breath_again)


def test_a_controller_moves_the_blend() -> None:
    turned = Player(1, phase_control=3).send(ControlChange(0, 3, 127), NoteOn(0, 60, 100)).hear(0.3)
    fixed = Player(1, phase_blend=1.0).send(NoteOn(0, 60, 100)).hear(0.3)
    assert np.array_equal(turned, fixed)


@pytest.mark.parametrize("note", [60, 40, 90])
def test_every_blend_is_equally_loud(note: int) -> None:
    sounds = [
        Player(1, knobs=(1.0, 1.0), phase_blend=blend).send(NoteOn(0, note, 100)).hear(5.0)[4410:, 0]
        for blend in (0.0, 0.5, 1.0)
    ]
    assert np.ptp([loudness_db(sound) for sound in sounds]) < 0.7


def test_the_sound_has_the_decoded_spectrum() -> None:
    player = Player(1, knobs=(0.8, 0.6), phase_blend=1.0).send(NoteOn(0, 65, 100))
    sound = player.hear(1.0)[SPEC.hop_size :, 0]
    assert errors(sound, player.engine.instrument.magnitudes[0], 441).mean() < 0.05


def test_a_knob_that_never_rests_is_followed() -> None:
    """An analysis window covers four hops. Its expected spectrum is the mean of the spectra of the middle two."""
    player, spectra, hops = Player(1, knobs=(0.0, 0.3), phase_blend=1.0), [], []
    player.send(NoteOn(0, 57, 100))
    for position in np.linspace(0.0, 1.0, 40):
        hops.append(player.send(KnobTurn(0, position)).hear(SPEC.hop_size / RATE_HZ)[:, 0])
        spectra.append(player.engine.instrument.magnitudes[0].copy())
    wanted = (np.array(spectra[1:-2]) + np.array(spectra[2:-1])) / 2.0
    assert errors(np.concatenate(hops), wanted, SPEC.hop_size).mean() < 0.06


START, NOTE, LOW = PhaseBlend(1.0), NoteOn(0, 60, 127), NoteOn(0, 36, 127)
# For each case, the events at the start, and those that come later.
CLICKS: dict[str, tuple[list[Event], list[Event]]] = {
    "note on": ([START], [NOTE]),
    "note on, transposed": ([START], [LOW]),
    "note off": ([START, NOTE], [NoteOff(0, 60)]),
    "note off, transposed": ([START, LOW], [NoteOff(0, 36)]),
    "noise to tone": ([NOTE], [PhaseBlend(1.0)]),
    "noise to tone, transposed": ([LOW], [PhaseBlend(1.0)]),
    "tone to noise": ([START, NOTE], [PhaseBlend(0.0)]),
    "tone to noise, transposed": ([START, LOW], [PhaseBlend(0.0)]),
    "a step of the blend": ([PhaseBlend(0.3), NOTE], [PhaseBlend(0.7)]),
    "knobs down": ([START, NOTE], [KnobTurn(0, 0.0), KnobTurn(1, 0.0)]),
    "knobs down, transposed": ([START, LOW], [KnobTurn(0, 0.0), KnobTurn(1, 0.0)]),
    "bend back": ([START, PitchWheel(0, -8192), NOTE], [PitchWheel(0, 0)]),
    "all at once": ([NOTE, LOW], [PhaseBlend(0.8), KnobTurn(1, 0.0), PitchWheel(0, -4000)]),
}


@pytest.mark.parametrize("name", CLICKS)
def test_coherent_phases_do_not_click(name: str) -> None:
    before, then = CLICKS[name]
    assert worst_excess_db(lambda seed: (Player(4, knobs=(1.0, 1.0), seed=seed), before, then)) <= 0.0


def test_stealing_does_not_click() -> None:
    before, then = [START, NOTE], [NoteOn(0, 67, 127)]
    assert worst_excess_db(lambda seed: (Player(1, knobs=(1.0, 1.0), seed=seed), before, then)) <= 0.0


@pytest.mark.parametrize(("seed", "n_voices"), [(0, 3), (2, 20)])
def test_any_blend_is_the_same_in_any_blocks(seed: int, n_voices: int) -> None:
    random = np.random.default_rng(seed)
    timed = dense_piece(random, 12000)
    for frame in np.sort(random.integers(0, 12000, 30)):
        timed.append((int(frame), PhaseBlend(float(random.choice([0.0, 0.3, 0.8, 1.0])))))
        timed.append((int(random.integers(12000)), KnobTurn(int(random.integers(2)), float(random.random()))))
    blocks = [int(2.0 ** random.uniform(0.0, 12.0)) for _ in range(100)]
    config = Config(voice=VoiceConfig(n_voices=n_voices), seed=1, phase_blend=0.5)
    assert_same(lambda: Engine(decoder(), sample_rate_hz=RATE_HZ, config=config), timed, blocks, 12000)
