"""A trajectory's colour, found for one key, does not make other keys louder or softer."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import pytest

from runtime.acoustics.mel_bands import band_centres_hz
from runtime.acoustics.pitch import note_to_hz
from runtime.config import Config, MidiConfig
from runtime.engine.engine import Engine
from runtime.engine.sounding.even_keys import EvenKeys
from runtime.events import NoteOff, NoteOn, PitchWheel, SoundChange
from runtime.instrument.decoder import MAX_BATCH, Decoder
from runtime.instrument.library import load
from runtime.rack.parts import PartSettings, Playable
from runtime.rack.rack import Rack
from runtime.sound.choice import programs_of
from runtime.sound.patch import Patch
from runtime.sound.trajectory.trajectory import Trajectory
from runtime.sound.trajectory.use import PlayedTrajectory
from tests.support.hearing import level_db
from tests.support.partitions import assert_same
from tests.support.playing import SAMPLE_RATE_HZ, decoder

FIRST_FRAME, LAST_FRAME = SAMPLE_RATE_HZ // 10, SAMPLE_RATE_HZ // 2
OWN_KEY = 60
# In `colour_db`, bands near a harmonic have no gain; bands between two harmonics have this gain.
GAP_DB = 30.0


def colour_db(key: int) -> np.ndarray:
    """A colour as if found for a recording of `key`: the gains of the bands in dB, (N_BANDS,)."""
    harmonics = band_centres_hz() / note_to_hz(key)
    return np.where(np.abs(harmonics - np.rint(harmonics)) > 0.25, GAP_DB, 0.0)


def path(key: int | None, colour: float = 1.0, level_db: float = 0.0, velocity: int | None = None) -> PlayedTrajectory:
    gains = np.repeat(colour_db(OWN_KEY if key is None else key)[None], 2, axis=0)
    trajectory = Trajectory(
        step_s=1.0, knobs=(), latents=np.zeros((2, 0)), colour_db=gains, level_db=np.array([level_db])
    )
    return PlayedTrajectory(trajectory, colour=colour, key=key, velocity=velocity)


def patch_of(*paths: PlayedTrajectory) -> Patch:
    return Patch(Config(seed=2, phase_blend=1.0), positions=(0.5, 0.5), trajectories=paths)


def sound_of(patch: Patch, key: int, velocity: int = 100, instrument: Decoder | None = None) -> np.ndarray:
    engine = Engine(instrument or decoder(), patch=patch, limits=False)
    sound = np.zeros((LAST_FRAME, 2), np.float32)
    engine.post(NoteOn(0, key, velocity), 0)
    engine.render(sound)
    return sound


def levels_db(patch: Patch, keys: range, instrument: Decoder | None = None) -> np.ndarray:
    return np.array([level_db(sound_of(patch, key, instrument=instrument)[FIRST_FRAME:, 0]) for key in keys])


def worst_step_db(levels: np.ndarray) -> float:
    return float(np.abs(np.diff(levels)).max())


@pytest.fixture
def uneven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EvenKeys, "even_out", lambda *_: None)


KEYS = range(50, 73)


def test_without_the_gains_the_colour_makes_the_keys_uneven(uneven: None) -> None:
    assert worst_step_db(levels_db(patch_of(path(OWN_KEY)), KEYS)) > 6.0


def test_neighbouring_keys_are_about_as_loud() -> None:
    levels = levels_db(patch_of(path(OWN_KEY)), KEYS)
    assert worst_step_db(levels) < 1.5
    assert np.ptp(levels) < 4.0


@pytest.mark.parametrize("keys", [range(12), range(24, 49), range(83, 108), range(116, 128)])
def test_keys_beyond_the_instruments_range_are_even(keys: range) -> None:
    assert worst_step_db(levels_db(patch_of(path(48), path(72)), keys)) < 1.5


def test_the_own_keys_keep_their_sound_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    patch, keys = patch_of(path(48), path(72, level_db=-12.0)), (48, 72)
    even = [sound_of(patch, key) for key in keys]
    monkeypatch.setattr(EvenKeys, "even_out", lambda *_: None)
    for sound, key in zip(even, keys, strict=True):
        assert np.array_equal(sound, sound_of(patch, key))


def test_between_own_keys_the_level_goes_from_one_to_the_other() -> None:
    levels = levels_db(patch_of(path(48), path(72, level_db=-12.0)), range(48, 73))
    straight = np.interp(np.arange(25), [0, 24], levels[[0, -1]])
    assert levels[0] - levels[-1] > 6.0
    assert np.abs(levels - straight).max() < 4.0
    assert worst_step_db(levels) < 3.0


def test_own_keys_that_differ_steeply_share_the_difference_with_their_neighbours() -> None:
    levels = levels_db(patch_of(path(60), path(63, level_db=-24.0)), range(50, 74))
    assert worst_step_db(levels) < 2.0
    assert levels[0] - levels[-1] > 18.0


def share_above_20_khz(colour: float, key: int, wheel: int = 0) -> float:
    """The loudest partial above 20.5 kHz, divided by the loudest of all; the wheel moves after the note has begun."""
    engine = Engine(decoder(), patch=patch_of(path(OWN_KEY, colour)), limits=False)
    sound = np.zeros((LAST_FRAME, 2), np.float32)
    engine.post(NoteOn(0, key, 100), 0)
    engine.post(PitchWheel(0, wheel), FIRST_FRAME // 2)
    engine.render(sound)
    heard = sound[FIRST_FRAME:, 0]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    return float(spectrum[np.fft.rfftfreq(len(heard), 1.0 / SAMPLE_RATE_HZ) > 20500.0].max() / spectrum.max())


@pytest.mark.parametrize("colour", [0.0, 1.0])
def test_no_key_sounds_above_20_khz(colour: float) -> None:
    assert share_above_20_khz(colour, 108) < 1e-3  # its fifth harmonic would have 20.9 kHz


def test_where_a_bend_passes_20_khz_only_a_colour_is_silent() -> None:
    nearly_a_semitone = 3700
    assert share_above_20_khz(0.0, 107, nearly_a_semitone) > 0.05
    assert share_above_20_khz(1.0, 107, nearly_a_semitone) < 0.01


@pytest.mark.parametrize("one", [path(None), path(OWN_KEY, colour=0.0)], ids=["no key", "no colour"])
def test_other_sounds_keep_their_sound_to_the_bit(one: PlayedTrajectory, monkeypatch: pytest.MonkeyPatch) -> None:
    even = sound_of(patch_of(one), 65)
    monkeypatch.setattr(EvenKeys, "even_out", lambda *_: None)
    assert np.array_equal(even, sound_of(patch_of(one), 65))


def test_each_velocity_has_its_own_gains() -> None:
    soft, loud = path(OWN_KEY, 0.0, velocity=40), path(OWN_KEY, velocity=100)
    gained = {}
    for name, patch in (("both", patch_of(soft, loud)), ("loud", patch_of(path(OWN_KEY)))):
        gained[name] = [level_db(sound_of(patch, 65, v)[FIRST_FRAME:, 0]) for v in (40, 100)]
    assert gained["both"][1] == pytest.approx(gained["loud"][1], abs=0.01)
    # The soft trajectory has no colour, so a note of velocity 40 hardly needs a gain.
    plain = level_db(sound_of(patch_of(path(OWN_KEY, 0.0)), 65, 40)[FIRST_FRAME:, 0])
    assert gained["both"][0] == pytest.approx(plain, abs=0.5)


def test_a_sound_that_is_chosen_later_has_the_same_gains() -> None:
    patch = patch_of(path(OWN_KEY))
    engine = Engine(decoder(), patch=Patch(patch.settings), limits=False)
    sound = np.zeros((LAST_FRAME, 2), np.float32)
    engine.post(SoundChange(engine.prepare(patch)), 0)
    engine.post(NoteOn(0, 65, 100), 0)
    engine.render(sound)
    assert np.array_equal(sound, sound_of(patch, 65))


def test_both_parts_of_a_split_have_the_gains() -> None:
    patch, levels = patch_of(path(OWN_KEY)), []
    for key in (64, 65):
        parts = [PartSettings(highest_key=64), PartSettings(lowest_key=65)]
        engines = [Engine(decoder(), patch=patch, limits=False) for _ in parts]
        rack = Rack([(Playable(engine, patch.sound), each) for engine, each in zip(engines, parts, strict=True)], 8)
        sound = np.zeros((LAST_FRAME, 2), np.float32)
        rack.post(NoteOn(0, key, 40), 0)
        rack.render(sound)
        levels.append(level_db(sound[FIRST_FRAME:, 0]))
    alone = [level_db(sound_of(patch, key, 40)[FIRST_FRAME:, 0]) for key in (64, 65)]
    assert np.allclose(levels, alone, atol=0.1)


def test_a_note_of_an_mpe_zone_has_the_gain_of_its_key() -> None:
    patch = patch_of(path(OWN_KEY))
    mpe = msgspec.structs.replace(patch.settings, midi=MidiConfig(mpe_lower_members=3))
    engine = Engine(decoder(), patch=msgspec.structs.replace(patch, settings=mpe), limits=False)
    sound = np.zeros((LAST_FRAME, 2), np.float32)
    engine.post(NoteOn(2, 65, 100), 0)
    engine.render(sound)
    alone = level_db(sound_of(patch, 65)[FIRST_FRAME:, 0])
    assert level_db(sound[FIRST_FRAME:, 0]) == pytest.approx(alone, abs=0.1)


def test_any_blocks_give_the_same_sound() -> None:
    patch = patch_of(path(48), path(72))
    timed = [(0, NoteOn(0, 55, 90)), (700, NoteOn(1, 65, 40)), (3000, NoteOff(0, 55)), (4000, NoteOn(0, 110, 127))]
    assert_same(lambda: Engine(decoder(), patch=patch), timed, [64, 1, 480])


def test_the_gains_are_bounded_and_finite_for_a_silent_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "decode_apart", lambda _, rows: np.zeros((len(rows), 2049), np.float32))
    patch = patch_of(path(OWN_KEY))
    sound = sound_of(patch, 65)
    monkeypatch.setattr(EvenKeys, "even_out", lambda *_: None)
    assert np.array_equal(sound, sound_of(patch, 65))


def test_spectra_that_are_decoded_apart_are_those_of_the_engine() -> None:
    instrument, rows = decoder(), np.random.default_rng(0).random((MAX_BATCH + 3, decoder().card.n_inputs), np.float32)
    apart = instrument.decode_apart(rows)
    instrument.inputs[:] = rows[:MAX_BATCH]
    assert np.allclose(apart[:MAX_BATCH], instrument.decode(MAX_BATCH), atol=1e-6)
    rows[1] = np.nan
    assert not instrument.decode_apart(rows)[1].any()
    assert np.array_equal(instrument.decode_apart(rows)[2:], apart[2:])


@functools.cache
def bundled(instrument: str, sound: str) -> tuple[Decoder, Patch]:
    loaded = load(instrument)
    (patch,) = [patch for patch in programs_of(Config(), loaded) if patch.sound.name == sound]
    return loaded, msgspec.structs.replace(patch, settings=msgspec.structs.replace(patch.settings, seed=0))


@pytest.mark.parametrize(
    ("instrument", "sound", "keys", "uneven_db"),
    [
        ("fm", "Clarinet", range(36, 53), 10.0),
        ("fm", "JOrg Combo", range(118, 127), 7.0),  # a harmonic is cut off at the last bin that sounds
        ("fm", "TUBERISE A", range(98, 111), 4.0),  # harmonics come near 20 kHz
        ("fm", "XYLOPHONE", range(31, 38), 7.0),  # the latents move
        ("orchestra", "marimba", range(84, 90), 2.9),  # coherent phases let two narrow peaks beat and lose power
        ("strings", "contrabass", range(60, 90), 3.5),
    ],
)
def test_a_bundled_sound_is_even(
    instrument: str, sound: str, keys: range, uneven_db: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, patch = bundled(instrument, sound)
    assert worst_step_db(levels_db(patch, keys, loaded)) < 2.5
    monkeypatch.setattr(EvenKeys, "even_out", lambda *_: None)
    assert worst_step_db(levels_db(patch, keys, loaded)) > uneven_db
