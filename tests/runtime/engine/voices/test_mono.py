"""In mono and legato, only the newest held key sounds."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.config import Adsr
from runtime.events import ControlChange, NoteOff, NoteOn, VoiceLimit
from tests.support.hearing import level_db
from tests.support.playing import Player, centroid_note

SLOW_ATTACK = Adsr(attack_s=0.5, release_s=0.03)


@pytest.mark.parametrize("mode", ["mono", "legato"])
@pytest.mark.parametrize("n_voices", [1, 2, 8])
def test_the_newest_key_sounds_alone_and_the_one_before_comes_back(mode: str, n_voices: int) -> None:
    player = Player(n_voices, mode=mode).send(NoteOn(0, 60, 100))
    assert player.notes() == [60]
    assert player.send(NoteOn(0, 67, 100)).notes() == [67]
    assert player.send(NoteOn(0, 74, 100)).notes() == [74]
    assert player.send(NoteOff(0, 67)).notes() == [74], "a key that does not sound"
    assert player.send(NoteOff(0, 74)).notes() == [60]
    assert player.send(NoteOff(0, 60)).notes() == []
    assert player.n_active == 0


@pytest.mark.parametrize("mode", ["mono", "legato"])
def test_the_pedal_holds_the_last_note_and_the_next_key_takes_over_from_it(mode: str) -> None:
    player = Player(mode=mode).send(ControlChange(0, 64, 127), NoteOn(0, 60, 100))
    player.hear()
    assert player.send(NoteOff(0, 60)).notes() == [60]
    assert player.send(NoteOn(0, 67, 100)).notes() == [67]
    assert player.send(NoteOff(0, 67), ControlChange(0, 64, 0)).notes() == []


@pytest.mark.parametrize("mode", ["mono", "legato"])
@pytest.mark.parametrize("control", [120, 123])
def test_no_key_comes_back_after_all_sound_off_or_all_notes_off(mode: str, control: int) -> None:
    player = Player(mode=mode).send(NoteOn(0, 60, 100), NoteOn(0, 67, 100), ControlChange(0, control, 0))
    assert player.notes() == []
    assert player.send(NoteOn(0, 74, 100)).notes() == [74]
    assert player.send(NoteOff(0, 74)).notes() == []


@pytest.mark.parametrize("mode", ["mono", "legato"])
def test_keys_of_all_channels_are_one_voice(mode: str) -> None:
    player = Player(mode=mode).send(NoteOn(0, 60, 100), NoteOn(5, 67, 100))
    assert player.notes() == [67]
    assert player.send(NoteOff(5, 67)).notes() == [60]


@pytest.mark.parametrize("n_voices", [1, 4])
def test_legato_keeps_its_envelope_and_mono_restarts_it(n_voices: int) -> None:
    levels = {}
    for mode in ("mono", "legato"):
        player = Player(n_voices, mode=mode, envelope=SLOW_ATTACK).send(NoteOn(0, 60, 100))
        player.hear(1.0)
        player.send(NoteOn(0, 67, 100)).hear(0.02)
        levels[mode] = level_db(player.hear(0.05))
    assert levels["legato"] > -24.0
    assert levels["mono"] < -28.0  # still soft, 20 to 70 ms into an attack of half a second


def test_legato_restarts_its_envelope_once_all_keys_were_up() -> None:
    player = Player(mode="legato", envelope=SLOW_ATTACK).send(NoteOn(0, 60, 100))
    player.hear(1.0)
    player.send(NoteOff(0, 60)).hear(0.01)
    player.send(NoteOn(0, 67, 100)).hear(0.03)
    assert level_db(player.hear(0.02)) < -35.0


@pytest.mark.parametrize("mode", ["mono", "legato"])
@pytest.mark.parametrize("n_voices", [1, 4])
@pytest.mark.parametrize("portamento_s", [0.05, 0.3])
def test_a_glide_starts_at_the_former_key_and_arrives_at_the_new_one(
    mode: str, n_voices: int, portamento_s: float
) -> None:
    player = Player(n_voices, mode=mode, portamento_s=portamento_s).send(NoteOn(0, 50, 100))
    player.hear(0.30005)
    player.send(NoteOn(0, 74, 100))
    gliding = player.hear(portamento_s)[:, 0]
    quarters = [centroid_note(part) for part in np.array_split(gliding, 4)]
    player.hear(0.05)
    arrived = centroid_note(player.hear(3.0)[:, 0])
    assert arrived == pytest.approx(74.0, abs=0.06)
    # The first quarter of a 50 ms glide lasts only two periods. In legato, the fading former voice sounds in this
    # quarter as well. So the measured pitch is less exact.
    assert quarters == pytest.approx([53, 59, 65, 71], abs=3.0 if portamento_s > 0.1 else 6.5)


def test_a_glide_begins_at_the_pitch_that_the_last_one_has_reached() -> None:
    player = Player(4, mode="legato", portamento_s=1.0).send(NoteOn(0, 50, 100))
    player.hear(0.3)
    player.send(NoteOn(0, 74, 100)).hear(0.25)  # the glide has reached note 56
    player.send(NoteOn(0, 62, 100)).hear(0.02)
    assert centroid_note(player.hear(0.1)[:, 0]) == pytest.approx(56.5, abs=1.5)


def test_keys_that_do_not_overlap_do_not_glide() -> None:
    player = Player(mode="mono", portamento_s=1.0).send(NoteOn(0, 50, 100))
    player.hear(0.3)
    player.send(NoteOff(0, 50)).hear(0.1)
    player.send(NoteOn(0, 74, 100)).hear(0.02)
    assert centroid_note(player.hear(0.2)[:, 0]) == pytest.approx(74.0, abs=0.3)


def test_one_voice_left_by_a_voice_limit_still_plays_legato() -> None:
    player = Player(4, mode="legato", envelope=SLOW_ATTACK).send(VoiceLimit(1), NoteOn(0, 60, 100))
    player.hear(1.0)
    player.send(NoteOn(0, 67, 100)).hear(0.02)
    assert level_db(player.hear(0.05)) > -24.0


def test_no_voice_is_left_after_a_trill() -> None:
    player = Player(3, mode="legato", portamento_s=0.02)
    for k in range(60):
        player.send(NoteOn(0, 60 + 7 * (k % 2), 100)).hear(0.004)
        player.send(NoteOff(0, 60 + 7 * ((k + 1) % 2))).hear(0.004)
    player.send(NoteOff(0, 60), NoteOff(0, 67)).hear()
    assert player.n_active == 0
