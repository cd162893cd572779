"""Plays notes of a soundfont with fluidsynth, offline and without effects. All runs give identical bits."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import soundfile

from runtime.base.errors import UserError
from training.sources.folder import SAMPLE_RATE_HZ, Take

HELD_S, RELEASE_S, GAP_S = 3.0, 1.0, 1.0
LEAD_S = 0.5  # silence before the first note, because fluidsynth plays the start of a file unevenly
TICKS_PER_S = 960
BANK_SELECT, ALL_SOUND_OFF = 0, 120


@dataclass(frozen=True)
class Preset:
    """A preset of a soundfont, and the MIDI notes and velocities to play."""

    bank: int
    program: int
    notes: Sequence[int]
    velocities: Sequence[int] = (100,)


def render(soundfont: Path, preset: Preset) -> list[Take]:
    """Play each note of the preset for HELD_S and its release for RELEASE_S; UserError if fluidsynth fails."""
    played = [(note, velocity) for velocity in preset.velocities for note in preset.notes]
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder) / "notes.mid", Path(folder) / "notes.wav"
        _write_midi(midi, preset, played)
        _run(soundfont, midi, wave)
        samples = soundfile.read(wave, dtype="float32", always_2d=True)[0].mean(axis=1)
    takes = []
    for index, (note, velocity) in enumerate(played):
        first = round((LEAD_S + index * (HELD_S + RELEASE_S + GAP_S)) * SAMPLE_RATE_HZ)
        takes.append(Take(note, velocity, samples[first : first + round((HELD_S + RELEASE_S) * SAMPLE_RATE_HZ)]))
    return takes


def _write_midi(path: Path, preset: Preset, played: list[tuple[int, int]]) -> None:
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_S // 2)  # at MIDI's default tempo, a beat lasts half a second
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.Message("control_change", control=BANK_SELECT, value=preset.bank))
    track.append(mido.Message("program_change", program=preset.program))
    wait_s = LEAD_S
    for note, velocity in played:
        track.append(mido.Message("note_on", note=note, velocity=velocity, time=round(wait_s * TICKS_PER_S)))
        track.append(mido.Message("note_off", note=note, time=round(HELD_S * TICKS_PER_S)))
        silence = mido.Message("control_change", control=ALL_SOUND_OFF, time=round(RELEASE_S * TICKS_PER_S))
        track.append(silence)
        wait_s = GAP_S
    track.append(mido.MetaMessage("end_of_track", time=round(GAP_S * TICKS_PER_S)))
    file.save(path)


def _run(soundfont: Path, midi: Path, wave: Path) -> None:
    options = "-ni -q -g 0.6 -r 44100 -R 0 -C 0 -O float -T wav".split()
    settings = ["-o", "synth.cpu-cores=1", "-o", "player.timing-source=sample", "-o", "synth.midi-bank-select=gs"]
    command = ["fluidsynth", *options, *settings, "-F", str(wave), str(soundfont), str(midi)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        remedy = "install it with: sudo apt-get install fluidsynth"
        raise UserError("source orchestra", "no program fluidsynth", "fluidsynth", remedy) from None
    if done.returncode or not wave.is_file():
        detail = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError("fluidsynth", detail, "a rendered file", f"check {soundfont}")
