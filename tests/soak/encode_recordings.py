"""Encodes a folder's recordings, renders the encoded sounds with the engine, and compares them with the recordings.

Run as `python -m tests.soak.encode_recordings FOLDER --instrument NAME|F.onnx [--every N]`. Distances are those of
runtime/acoustics/timbre_distance.py, in dB. A rendered sound is compared over at most 2.2 s. The columns:

- encoded: distance between the rendered sound and the recording;
- comb: this distance if the decoder makes only equally loud harmonics;
- no colour: this distance with colour 0;
- fixed: this distance with colour 0 if the knobs stay at the best of 2000 positions;
- level 0.1, level 0.5, level 1.5: the error of the rendered sound's level at that time in s. In dB, after the sound and
  the recording were brought to one mean power;
- full: the rendered sound's time to full level minus the recording's, in ms;
- on time: whether `full`, without its sign, is at most 25 ms or at most 20 % of the recording's time to full level;
- trained: distance from the recording to the nearest spectrum of a sound that the instrument was trained on;
- s: seconds to encode.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.base.command_line import run_program
from runtime.base.errors import UserError
from runtime.config import Config
from runtime.encoding.candidates import Coder, Options, coder_of, encode_recording, sound_of
from runtime.encoding.decoding import decode
from runtime.encoding.level import FULL_DB, level_curve_db
from runtime.encoding.reading import Reading, read_take
from runtime.engine.build import build_engine
from runtime.engine.offline import render_events
from runtime.events import NoteOff, NoteOn
from runtime.instrument.card import Card
from runtime.instrument.decoder import MAX_BATCH
from runtime.instrument.encoder import load_encoder
from runtime.instrument.library import load
from runtime.recordings.reading import SUFFIXES
from runtime.sound.settings import with_sound
from runtime.sound.trajectory.trajectory import LEVEL_STEP_S

RATE_HZ, MEASURED_S, VELOCITY = 44100, 2.2, 100
N_POSITIONS = 2000
LEVEL_TIMES_S = (0.1, 0.5, 1.5)
SPEC = StftSpec()
MAY_BE_LATE_S, MAY_BE_LATE_SHARE, MOST_LEVEL_DB = 0.025, 0.2, 1.5


class FlatComb:
    """A decoder that outputs equally loud harmonics at all knob positions."""

    batch_invariant = True

    def __init__(self, card: Card):
        self.card = card
        self.inputs = np.zeros((MAX_BATCH, card.n_inputs), np.float32)
        self.magnitudes = np.zeros((MAX_BATCH, card.spec.n_bins), np.float32)
        self._rows = card.conditioning.rows(np.arange(card.note_range[0], card.note_range[1] + 1))
        self._combs: dict[int, np.ndarray] = {}

    def decode(self, n_rows: int) -> np.ndarray:
        self.magnitudes[:n_rows] = self.decode_apart(self.inputs[:n_rows])
        return self.magnitudes[:n_rows]

    def decode_apart(self, rows: np.ndarray) -> np.ndarray:
        known = self._rows == rows[:, None, self.card.n_latents :]
        return np.array([self._comb(self.card.note_range[0] + int(at)) for at in known.all(axis=2).argmax(axis=1)])

    def _comb(self, note: int) -> np.ndarray:
        if note not in self._combs:
            time_s = np.arange(SPEC.frame_size) / RATE_HZ
            harmonics_hz = np.arange(1, int(20000.0 / note_to_hz(note)) + 1) * note_to_hz(note)
            phases = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, len(harmonics_hz))
            tone = np.sin(2.0 * np.pi * harmonics_hz[:, None] * time_s + phases[:, None]).sum(axis=0)
            frame = magnitude_frames(tone.astype(np.float32), SPEC)[0]
            self._combs[note] = frame / frame.max()
        return self._combs[note]


class NoEncoder:
    def __init__(self, card: Card):
        self._card = card

    def latents(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        return np.repeat(self._card.latents_at(self._card.default_positions)[None], len(frames), axis=0)


def rendered(reading: Reading, coder: Coder, colour: float = 1.0) -> np.ndarray:
    """Play `reading` as a note held for at most MEASURED_S + 0.2 s; returns the mono sound, float32 (n,)."""
    sound = sound_of(reading, "measured", coder, Options(colour=colour))
    patch = with_sound(Config(), sound, coder.decoder.card, "measured")
    engine = build_engine(patch, coder.decoder, RATE_HZ)
    held_s = min(MEASURED_S + 0.2, reading.marks.release_s or reading.marks.end_s)
    events = [(0.0, NoteOn(0, reading.note, VELOCITY)), (held_s, NoteOff(0, reading.note, 0))]
    return np.concatenate([block.mean(axis=1) for block in render_events(engine, events)])


def levels_db(samples: np.ndarray, before: int, n_s: float) -> np.ndarray:
    """Band levels in dB of the STFT frames within n_s seconds; the first frame is centred on sample `before`."""
    half = SPEC.frame_size // 2
    padded = np.pad(samples, (half, half))[before : before + round(n_s * RATE_HZ) + SPEC.frame_size]
    return band_levels_db(magnitude_frames(padded, SPEC), SPEC)


def measure(reading: Reading, sound: np.ndarray) -> tuple[float, list[float], float, float]:
    """Compare a rendered sound with its recording.

    Returns the distance in dB, the level errors at LEVEL_TIMES_S in dB, the sound's time to full level in s, and the
    recording's time to full level in s.
    """
    take, n_s = reading.take, min(MEASURED_S, reading.marks.release_s or reading.marks.end_s)
    ours_db, asked_db = levels_db(sound, 0, n_s), levels_db(take.samples, take.before, n_s)
    n = min(len(ours_db), len(asked_db))
    pitch_hz = float(note_to_hz(reading.note))
    asked = level_curve_db(take.samples, RATE_HZ, min(pitch_hz, 100.0), take.before)[: round(n_s / LEVEL_STEP_S)]
    ours = level_curve_db(sound, RATE_HZ, min(pitch_hz, 100.0))[: len(asked)]
    n_levels = len(ours)
    asked -= 10.0 * np.log10(np.mean(10.0 ** (asked[:n_levels] / 10.0)))
    ours -= 10.0 * np.log10(np.mean(10.0 ** (ours / 10.0)))
    at = [round(time_s / LEVEL_STEP_S) for time_s in LEVEL_TIMES_S]
    # Where the recording is more than 50 dB below its highest level, it is only noise, and levels are not compared.
    errors = [float(ours[k] - asked[k]) if k < n_levels and asked[k] > asked.max() - 50.0 else np.nan for k in at]
    full = [float(np.argmax(curve >= curve.max() - FULL_DB)) * LEVEL_STEP_S for curve in (ours, asked)]
    return distance_db(ours_db[:n], asked_db[:n]), errors, *full


def best_fixed(reading: Reading, coder: Coder) -> Reading:
    card = coder.decoder.card
    positions = np.random.default_rng(0).random((N_POSITIONS, card.n_latents))
    frames = decode(coder.decoder, positions, card.nearest_note(reading.note))
    take = reading.take
    asked = levels_db(take.samples, take.before, min(MEASURED_S, reading.marks.end_s)).mean(axis=0)
    best = int(np.argmin(np.square(band_levels_db(frames, SPEC) - asked).mean(axis=1)))
    n = reading.trajectory.n_hops
    path = replace(reading.trajectory, knobs=(), latents=np.zeros((n, 0)), colour_db=np.zeros((n, N_BANDS)))
    return replace(reading, positions=positions[best], trajectory=path)


def row_of(path: Path, coder: Coder) -> dict[str, object]:
    began = time.perf_counter()
    reading = encode_recording(path, coder, Options(most=1))[0].reading
    seconds = time.perf_counter() - began
    card = coder.decoder.card
    comb = Coder(FlatComb(card), NoEncoder(card), coder.made_for)
    combed = read_take(reading.take, reading.note, *comb[:2])
    distance, errors, ours_s, asked_s = measure(reading, rendered(reading, coder))
    late_s = ours_s - asked_s
    return {
        "recording": path.name,
        "note": reading.note,
        "encoded": distance,
        "comb": measure(combed, rendered(combed, comb))[0],
        "no colour": measure(reading, rendered(reading, coder, 0.0))[0],
        "fixed": measure(reading, rendered(best_fixed(reading, coder), coder))[0],
        **{f"level {time_s}": error for time_s, error in zip(LEVEL_TIMES_S, errors, strict=True)},
        "full": 1000.0 * late_s,
        "on time": abs(late_s) <= max(MAY_BE_LATE_S, MAY_BE_LATE_SHARE * asked_s),
        "trained": reading.nearest_trained_db,
        "s": seconds,
    }


def run(arguments: argparse.Namespace) -> int:
    decoder = load(arguments.instrument)
    coder = coder_of(decoder, load_encoder(decoder))
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    rows = []
    for path in paths[:: arguments.every]:
        try:
            rows.append(row_of(path, coder))
        except UserError as error:
            print(f"{path.name}: {error}")
            continue
        if len(rows) == 1:
            print("  ".join(["recording".ljust(28), *(name.rjust(9) for name in list(rows[0])[1:])]))
        print(_line(rows[-1]), flush=True)
    if rows:
        print(_line(_means(rows)))
        levels = [row[f"level {time_s}"] for row in rows for time_s in LEVEL_TIMES_S]
        off = sum(abs(error) > MOST_LEVEL_DB for error in levels if np.isfinite(error))
        late = sum(not row["on time"] for row in rows)
        print(f"{len(rows)} recordings; {off} of {np.isfinite(levels).sum()} levels more than 1.5 dB off; {late} late")
    return 0


def _means(rows: list[dict[str, object]]) -> dict[str, object]:
    means: dict[str, object] = {"recording": "mean (of level, full: of amounts)", "note": ""}
    for name in list(rows[0])[2:]:
        values = np.array([np.nan if row[name] is None else row[name] for row in rows], float)
        signed = name.startswith("level") or name == "full"
        means[name] = float(np.nanmean(np.abs(values) if signed else values)) if np.isfinite(values).any() else None
    return means


def _line(row: dict[str, object]) -> str:
    shown = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()]
    return "  ".join([shown[0][:28].ljust(28), *(text.rjust(9) for text in shown[1:])])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instrument", metavar="NAME|F.onnx")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth recording")
    sys.exit(run_program(parser, run))
