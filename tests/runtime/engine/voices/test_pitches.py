"""Voices that are asked for their pitches together get the same pitches as each of them alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runtime.config import Config
from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.voices.bank import Voice, VoiceBank
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.palette import Palette
from runtime.engine.voices.pitch.ratio import Glide, pitch_ratio
from runtime.engine.voices.pitches import VoicePitches
from runtime.sound.patch import Patch
from tests.support.playing import decoder

RATE_HZ = 44100
N_VOICES = 8


class Chord:
    """Sounding voices on channel 0 that a wheel moves by one ratio; a test makes one of them different."""

    def __init__(self) -> None:
        self.channels, bank = Channels(), VoiceBank(N_VOICES, RATE_HZ, 100, 0)
        patch = Patch(Config())
        palette = Palette(decoder().card, patch, None, self.channels, bank.table, N_VOICES, RATE_HZ, lambda *_: None)
        self.pitches, self.voices = VoicePitches(self.channels, RATE_HZ), bank.voices
        self.knobs = SoundKnobs(patch, (0.0, 0.0), 0)
        for voice in self.voices:
            voice.played, voice.knobs, voice.note = palette.first, self.knobs, 48 + 3 * voice.lane
            voice.model_note, voice.active = voice.note, True
            voice.vibrato_radians_per_frame = 2.0 * math.pi * 5.5 / RATE_HZ
            self.pitches.follow(voice)

    def wheel(self, bend: float) -> None:
        self.channels[0].bend = bend
        self.pitches.follow_all(self.voices)

    def assert_same_as_alone(self, frame: int) -> None:
        together = self.pitches.ratios(list(self.voices), frame)
        assert together == [self.pitches.ratios([voice], frame)[0] for voice in self.voices]


def glides(voice: Voice) -> None:
    voice.glide_semitones, voice.glide_end = -7.0, 5000


def is_between_keys(voice: Voice) -> None:
    voice.key_offset = 0.3


def is_at_the_limit(voice: Voice) -> None:
    voice.model_note = 135


def is_on_another_channel(voice: Voice) -> None:
    voice.channel = 1


@pytest.mark.parametrize("change", [glides, is_between_keys, is_at_the_limit, is_on_another_channel])
def test_a_chord_with_one_other_voice_has_each_voice_s_own_pitches(change) -> None:
    chord = Chord()
    change(chord.voices[3])
    chord.channels[0].mod_wheel = 90
    for bend in (0.0, 0.4, -1.0):
        chord.wheel(bend)
        for frame in (4999, 5000):
            chord.assert_same_as_alone(frame)


def test_a_pressed_key_s_vibrato_is_its_own() -> None:
    chord = Chord()
    chord.wheel(0.2)
    chord.assert_same_as_alone(0)
    chord.channels[0].key_pressure[chord.voices[5].note] = 80
    chord.wheel(0.2)
    ratios = chord.pitches.ratios(list(chord.voices), 0)
    assert len(set(ratios)) == 2
    chord.assert_same_as_alone(0)


def test_a_voice_that_begins_anew_is_looked_at_again() -> None:
    chord = Chord()
    chord.wheel(0.5)
    before = chord.pitches.ratios(list(chord.voices), 0)
    chord.voices[2].key_offset = -0.25
    chord.pitches.follow(chord.voices[2])
    after = chord.pitches.ratios(list(chord.voices), 64)
    assert len(set(before)) == 1
    assert after[2] != before[2]
    assert after[:2] + after[3:] == before[:2] + before[3:]


@pytest.mark.parametrize("depth", [0.0, 0.5])
@pytest.mark.parametrize("glide", [None, Glide(-5.0, 100, 3000)])
@pytest.mark.parametrize("limits", [None, (-1.0, 0.2)])
def test_many_frames_at_once_have_the_ratios_of_each_frame(depth: float, glide, limits) -> None:
    for semitones in np.random.default_rng(0).uniform(-2.0, 2.0, 5).tolist():
        ratio = pitch_ratio(semitones, depth, 0.001, glide, limits)
        frames = range(32, 6000, 64)
        assert ratio.at_each(frames) == [ratio.at(frame) for frame in frames]
