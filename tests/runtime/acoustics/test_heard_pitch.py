"""The pitch detector hears synthetic and recorded notes from C1 to C8."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from runtime.acoustics.heard_pitch import cents_off, heard_notes, in_tune, split_octaves
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from tests.support.places import NEEDS_VIOLIN_NOTES, VIOLIN_NOTES

SPEC = StftSpec()
SOUNDFONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"


def frame(note: float, amplitudes: list[float], seed: int = 0) -> np.ndarray:
    """The magnitudes of one frame of a note whose harmonics have random phases: (1, n_bins).

    amplitudes: the amplitudes of harmonics 1, 2, ...
    """
    time_s = np.arange(SPEC.frame_size) / SPEC.sample_rate_hz
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(amplitudes))
    f0 = float(note_to_hz(note))
    partials = [(k * f0, a, p) for k, (a, p) in enumerate(zip(amplitudes, phases, strict=True), start=1)]
    return magnitude_frames(sum(a * np.sin(2 * np.pi * f * time_s + p) for f, a, p in partials if f < 20000.0), SPEC)


# Saws without a fundamental are tested up to C6 only.
@pytest.mark.parametrize(
    ("kind", "note"),
    [(kind, note) for kind in ("saw", "square") for note in range(24, 109, 3)]
    + [("no fundamental", note) for note in range(24, 85, 3)],
)
def test_known_notes_are_heard_from_c1_to_c8(kind: str, note: int):
    amplitudes = [1.0 / k for k in range(1, 17)]
    if kind == "square":
        amplitudes = [a if k % 2 == 0 else 0.0 for k, a in enumerate(amplitudes)]
    elif kind == "no fundamental":
        amplitudes[0] = 0.0
    assert abs(heard_notes(frame(note, amplitudes), SPEC)[0] - note) < 0.2


def test_a_note_is_not_taken_for_its_neighbours_or_octaves():
    saw = [1.0 / k for k in range(1, 17)]
    assert in_tune(frame(60, saw), np.array([60]), SPEC).all()
    for other in (48, 59, 61, 72):
        assert not in_tune(frame(60, saw), np.array([other]), SPEC).any()
    mixed = frame(60, saw) + frame(48, saw)
    assert heard_notes(mixed, SPEC)[0] == pytest.approx(48, abs=0.3)


def test_a_loud_high_harmonic_does_not_detune_the_heard_pitch():
    amplitudes = [1.0 / k + 0.5 * np.exp(-(((k - 30) / 2.0) ** 2)) for k in range(1, 50)]
    for note in range(36, 61):
        assert abs(heard_notes(frame(note, amplitudes), SPEC)[0] - note) < 0.1, note


def test_an_error_is_split_into_octaves_and_cents():
    saw = frame(60.1, [1.0 / k for k in range(1, 17)])
    cents = cents_off(np.repeat(saw, 3, axis=0), np.array([60, 72, 48]), SPEC)
    octaves, remainder = split_octaves(cents)
    assert octaves.tolist() == [0, -1, 1]
    assert remainder == pytest.approx([10.0] * 3, abs=3.0)


def test_no_pitch_is_heard_in_silence():
    assert np.isnan(heard_notes(np.zeros((1, SPEC.n_bins)), SPEC)).all()


# Programs of TimGM6mb: sampled piano, guitar, violin, strings and clarinet.
@pytest.mark.skipif(sys.platform == "darwin", reason="the soundfont is a Debian package")
@pytest.mark.parametrize("program", [0, 24, 40, 48, 71])
def test_recorded_notes_are_heard_from_c1_to_c8(program: int, tmp_path: Path):
    keys = list(range(24, 109, 3))
    sound = soundfont_notes(program, keys, tmp_path)
    frames = [np.sqrt(np.square(magnitude_frames(note, SPEC)).mean(axis=0)) for note in sound]
    assert np.abs(heard_notes(np.array(frames), SPEC) - keys).max() <= 0.2


def soundfont_notes(program: int, keys: list[int], folder: Path) -> np.ndarray:
    """The steady part of each key's note, played by fluidsynth: mono at 44.1 kHz, (n_keys, n_samples).

    program: MIDI program, from 0.
    """
    song, wav = mido.MidiFile(), folder / "notes.wav"
    track = mido.MidiTrack([mido.Message("program_change", program=program)])
    for key in keys:
        track += [mido.Message("note_on", note=key, velocity=90), mido.Message("note_off", note=key, time=960)]
    song.tracks.append(track)
    song.save(folder / "notes.mid")
    command = "fluidsynth -ni -q -g 0.6 -r 44100 -R 0 -C 0 -O s16 -T wav -o synth.cpu-cores=1"
    options = ["-o", "player.timing-source=sample", "-F", str(wav), SOUNDFONT, str(folder / "notes.mid")]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    samples = soundfile.read(wav)[0].mean(axis=1)[: len(keys) * 44100]
    return samples.reshape(len(keys), 44100)[:, 6000:32000]


@pytest.mark.skipif(not VIOLIN_NOTES.is_dir(), reason=NEEDS_VIOLIN_NOTES)
def test_a_recorded_violin_is_heard_at_its_notes():
    names = {"A3": 57, "E4": 64, "C5": 72, "G5": 79, "C6": 84, "C7": 96}
    for name, note in names.items():
        samples = soundfile.read(next(VIOLIN_NOTES.glob(f"*_{name}_*.flac")))[0][22050:88200]
        heard = heard_notes(magnitude_frames(samples, SPEC), SPEC)
        assert np.mean(np.abs(heard - note) <= 0.5) > 0.9  # the vibrato may reach half a semitone
        assert abs(np.median(heard) - note) <= 0.2
