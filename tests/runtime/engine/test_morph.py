"""A morph moves all numeric settings at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.config import Config, VoiceConfig
from runtime.control.targets import RANGES
from runtime.engine.engine import Engine
from runtime.events import NoteOff, NoteOn, SoundChange, TargetMove
from runtime.sound.blending import blended
from runtime.sound.choice import choose
from runtime.sound.morph import SoundMorph
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.patch import Patch, PlayedMorph
from runtime.sound.settings import with_sound
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.clicks import excess_db, spikes_db
from tests.support.hearing import level_db
from tests.support.playing import SHORT, decoder, play

AT = 22050
CONFIG = Config(voice=VoiceConfig(n_voices=4, envelope=SHORT), seed=3)


def patch(positions: tuple[float, float], **fields: object) -> Patch:
    """A patch with these knob positions.

    fields: values of Sound's fields, or of the settings volume_db and phase_blend.
    """
    sound = Sound(**{name: value for name, value in fields.items() if name not in ("volume_db", "phase_blend")})
    settings = {name: value for name, value in fields.items() if name in ("volume_db", "phase_blend")}
    return Patch(Config(voice=CONFIG.voice, seed=3, **settings), sound, positions)


DARK = patch((0.0, 0.2), filter=Filter("low", cutoff_hz=200.0), volume_db=-6.0)
BRIGHT = patch((1.0, 0.8), tilt_db_per_octave=3.0, phase_blend=1.0)
WIDE = patch((0.5, 0.0), width=1.0, bandwidth_cents=40.0)
ODD = patch((0.2, 1.0), odd_even_db=24.0)


def engine_of(*patches: Patch, shape: str = "path") -> Engine:
    morph = PlayedMorph(patches, shape)
    return Engine(decoder(), patch=Patch(CONFIG, Sound(), patches[0].positions, morph=morph))


@pytest.mark.parametrize(("place", "number"), [(0.0, 0), (0.5, 1), (1.0, 2)])
def test_at_each_place_of_a_sound_all_targets_stand_as_in_that_sound(place: float, number: int) -> None:
    patches = (DARK, BRIGHT, WIDE)
    engine = engine_of(*patches)
    play(engine, [(0, TargetMove("morph", place))], 100)
    plain = Engine(decoder(), patch=patches[number])
    plain.post(SoundChange(plain.prepare(patches[number])))
    play(plain, [], 100)
    for target in ("filter.cutoff", "tilt", "level", "phase_blend", "width", "bandwidth", "latent.1", "latent.2"):
        assert engine.target_position(target) == pytest.approx(plain.target_position(target), abs=1e-6), target


def test_in_the_middle_of_two_sounds_a_cutoff_is_their_geometric_mean() -> None:
    low, high = (patch((0.5, 0.5), filter=Filter("low", cutoff_hz=hz)) for hz in (200.0, 3200.0))
    engine = engine_of(low, high)
    play(engine, [(0, TargetMove("morph", 0.5))], 100)
    assert engine.edited_sound().filter.cutoff_hz == pytest.approx(800.0, rel=1e-6)


def test_a_saved_value_has_no_noise_in_its_last_digits() -> None:
    engine = engine_of(DARK, BRIGHT)
    play(engine, [(0, TargetMove("vibrato.rate", 0.756341))], 100)
    play(engine, [(100, TargetMove("envelope.attack", 0.5))], 100)
    saved = engine.edited_sound()
    for value in (saved.voice.vibrato_hz, saved.envelope.attack_s):
        assert len(repr(value).replace(".", "").lstrip("0")) <= 9


def test_a_sound_of_another_instrument_in_a_morph_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "way.yaml"
    path.write_text("morph: {sounds: [Round bass, trumpet]}")
    with pytest.raises(UserError, match=r"way.yaml, morph.sounds: found 'trumpet'.*add the key `instrument`"):
        choose(Config(), None, None, str(path))


def test_the_four_corners_of_a_square_are_its_sounds() -> None:
    engine = engine_of(DARK, BRIGHT, WIDE, ODD, shape="square")
    for x, y, positions in ((0, 0, (0.0, 0.2)), (1, 0, (1.0, 0.8)), (0, 1, (0.5, 0.0)), (1, 1, (0.2, 1.0))):
        engine.post(TargetMove("morph.x", float(x)))
        engine.post(TargetMove("morph.y", float(y)))
        play(engine, [], 2000)
        assert engine.status.positions == pytest.approx(positions)


def test_a_held_note_follows_a_morph() -> None:
    quiet, loud = patch((0.5, 0.5), volume_db=-24.0), patch((0.5, 0.5))
    events = [(0, TargetMove("morph", 0.0)), (0, NoteOn(0, 60, 100)), (AT, TargetMove("morph", 1.0))]
    sound = play(engine_of(quiet, loud), events, 3 * AT)
    assert level_db(sound[-AT:, 0]) == pytest.approx(level_db(sound[AT // 2 : AT, 0]) + 24.0, abs=1.5)


def test_the_filters_type_changes_in_the_middle() -> None:
    low, high = (patch((0.5, 0.5), filter=Filter(kind, cutoff_hz=800.0)) for kind in ("low", "high"))
    engine = engine_of(low, high)
    for place, kind in ((0.49, "low"), (0.51, "high"), (0.2, "low")):
        engine.post(TargetMove("morph", place))
        play(engine, [], 2000)
        assert engine.edited_sound().filter.type == kind


@pytest.mark.parametrize("patches", [(DARK, BRIGHT), (BRIGHT, WIDE), (WIDE, ODD, DARK)], ids=str)
def test_a_jump_of_a_morph_does_not_click(patches: tuple[Patch, ...]) -> None:
    for start, end in ((0.0, 1.0), (1.0, 0.0)):
        events = [(0, TargetMove("morph", start)), (0, NoteOn(0, 60, 100)), (AT, TargetMove("morph", end))]
        assert excess_db(play(engine_of(*patches), events, 3 * AT)[:, 0], AT) < 0.0


def test_a_slow_morph_of_7_bits_does_not_click() -> None:
    moves = [(4000 + 331 * value, TargetMove("morph", value / 127.0)) for value in range(128)]
    sound = play(engine_of(DARK, BRIGHT, WIDE), [(0, NoteOn(0, 60, 100)), *moves, (AT * 3, NoteOff(0, 60))], 4 * AT)
    assert spikes_db(sound[:, 0]) < 0.0


@pytest.mark.parametrize("blocks", [(1,), (63, 1, 511), (4096,)])
def test_a_morph_is_equal_to_the_bit_for_any_blocks(blocks: tuple[int, ...]) -> None:
    moves = [(777 * number, TargetMove("morph", number / 10.0)) for number in range(10)]
    events = [(0, NoteOn(0, 60, 100)), (2500, NoteOn(0, 67, 90)), *moves]
    expected = play(engine_of(DARK, BRIGHT, WIDE), events, 9000, (512,))
    np.testing.assert_array_equal(play(engine_of(DARK, BRIGHT, WIDE), events, 9000, blocks), expected)


def test_a_note_that_is_struck_between_two_sounds_has_an_lfo_between_theirs() -> None:
    wheel = (Modulation("lfo_1", "level", 0.2),)
    slow, fast = (patch((0.5, 0.5), lfo_1=Lfo(rate_hz=hz, phase="note"), modulation=wheel) for hz in (1.0, 16.0))
    sound = play(engine_of(slow, fast), [(0, TargetMove("morph", 0.5)), (100, NoteOn(0, 60, 100))], 4 * AT)[:, 0]
    level = np.sqrt(np.convolve(sound**2, np.ones(441) / 441, "same"))[441:-441]
    spectrum = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level))))
    assert np.argmax(spectrum[2:]) + 2 == pytest.approx(4.0 * len(level) / 44100, abs=1.0)


def test_a_modulation_of_one_sound_is_half_as_deep_in_the_middle() -> None:
    moved = patch((0.5, 0.5), modulation=(Modulation("lfo_1", "level", 0.4), Modulation("lfo_2", "pan", 0.5)))
    still = patch((0.5, 0.5), modulation=(Modulation("lfo_2", "pan", -0.1),))
    middle = blended((moved, still), (0.5, 0.5)).sound.modulation
    assert middle == (Modulation("lfo_1", "level", 0.2), Modulation("lfo_2", "pan", 0.2))


@pytest.mark.parametrize("number", range(3))
def test_with_all_the_weight_on_one_sound_that_sound_is_left(number: int) -> None:
    patches = (DARK, BRIGHT, WIDE)
    assert blended(patches, [float(each == number) for each in range(3)]) is patches[number]


def test_the_length_of_a_beat_switches_in_the_middle() -> None:
    slow, fast = (patch((0.5, 0.5), lfo_1=Lfo(beats=beats)) for beats in (4.0, 1.0))
    assert [blended((slow, fast), (1.0 - share, share)).sound.lfo_1.beats for share in (0.4, 0.6)] == [4.0, 1.0]


def test_a_morph_begins_as_its_first_sound() -> None:
    engine = Engine(decoder(), patch=Patch(CONFIG, Sound(), (0.5, 0.5), morph=PlayedMorph((DARK, BRIGHT))))
    assert engine.status.positions == pytest.approx(DARK.positions)
    assert engine.edited_sound().filter.cutoff_hz == pytest.approx(200.0)


@pytest.mark.parametrize(("shape", "moves"), [("path", {"morph": 0.75}), ("square", {"morph.x": 0.25, "morph.y": 1.0})])
def test_a_saved_morph_sounds_as_it_was_left_and_goes_on_from_there(shape: str, moves: dict[str, float]) -> None:
    played = PlayedMorph((DARK, BRIGHT, WIDE, ODD), shape)
    own = SoundMorph(("a", "b", "c", "d"), shape)
    engine = Engine(decoder(), patch=Patch(CONFIG, Sound(morph=own), DARK.positions, morph=played))
    for control, place in moves.items():
        engine.post(TargetMove(control, place))
    engine.post(TargetMove("tilt", 0.9))
    play(engine, [], 2000)
    saved, positions = engine.edited_sound(), engine.status.positions
    assert saved == msgspec.convert(msgspec.to_builtins(saved), Sound)
    patch_again = with_sound(CONFIG, saved, decoder().card, "saved")
    again = Engine(decoder(), patch=msgspec.structs.replace(patch_again, morph=played))
    assert again.status.positions == pytest.approx(positions)
    for target in ("morph", "morph.x", "morph.y", "tilt", "filter.cutoff", "width"):
        assert again.target_position(target) == pytest.approx(engine.target_position(target), abs=1e-5), target
    rendered = [play(each, [(2000, NoteOn(0, 60, 100))], AT)[-AT // 2 :] for each in (engine, again)]
    assert level_db(rendered[0][:, 0]) == pytest.approx(level_db(rendered[1][:, 0]), abs=0.5)


def with_lfo(rate_hz: float, **fields: object) -> Patch:
    moved = (Modulation("lfo_1", "level", 0.3),)
    return patch((0.5, 0.5), lfo_1=Lfo(rate_hz=rate_hz, phase="note"), modulation=moved, **fields)


@pytest.mark.parametrize("moves_rate", [True, False])
def test_a_moved_lfo_rate_is_saved_with_a_morph(moves_rate: bool) -> None:
    played = PlayedMorph((with_lfo(1.0), with_lfo(4.0)))
    own = Sound(morph=SoundMorph(("a", "b")), lfo_1=Lfo(rate_hz=0.5))
    engine = Engine(decoder(), patch=Patch(CONFIG, own, (0.5, 0.5), morph=played))
    engine.post(TargetMove("morph", 0.5))
    if moves_rate:
        engine.post(TargetMove("lfo_1.rate", RANGES["lfo_1.rate"].position_of(9.0)))
    play(engine, [], 2000)
    saved = engine.edited_sound()
    assert saved.lfo_1.rate_hz == (pytest.approx(9.0) if moves_rate else None)
    patch_again = msgspec.structs.replace(with_sound(CONFIG, saved, decoder().card, "saved"), morph=played)
    fresh = Engine(decoder(), patch=patch_again)
    chosen = Engine(decoder(), config=CONFIG)
    chosen.post(SoundChange(chosen.prepare(patch_again)))
    play(fresh, [], 2000)
    play(chosen, [], 2000)
    expected = play(engine, [(2000, NoteOn(0, 60, 100))], AT)
    for again in (fresh, chosen):
        assert again.target_position("lfo_1.rate") == pytest.approx(engine.target_position("lfo_1.rate"))
        np.testing.assert_allclose(play(again, [(2000, NoteOn(0, 60, 100))], AT), expected, atol=1e-5)
        assert again.edited_sound() == saved


def test_a_morph_through_places_keeps_its_own_lfo_rate() -> None:
    own = Sound(morph=SoundMorph(({"a": 0.1}, {"a": 0.9})), lfo_1=Lfo(rate_hz=0.5))
    places = tuple(patch(at, lfo_1=own.lfo_1) for at in ((0.1, 0.5), (0.9, 0.5)))
    engine = Engine(decoder(), patch=Patch(CONFIG, own, (0.5, 0.5), morph=PlayedMorph(places)))
    assert engine.edited_sound().lfo_1.rate_hz == 0.5


def test_the_position_of_an_lfo_rate_follows_the_morph_until_it_is_moved() -> None:
    morph = PlayedMorph((with_lfo(1.0), with_lfo(4.0)))
    engine = Engine(decoder(), patch=Patch(CONFIG, Sound(), (0.5, 0.5), morph=morph))
    heard = []
    for event in (TargetMove("morph", 0.5), TargetMove("lfo_1.rate", 0.75), TargetMove("morph", 1.0)):
        engine.post(event)
        play(engine, [], 500)
        heard.append(engine.target_position("lfo_1.rate"))
    assert heard == pytest.approx([RANGES["lfo_1.rate"].position_of(2.0), 0.75, 0.75])
