"""Compares RTPGHI's phases with noise phases, coherent phases and Griffin-Lim's phases.

The sounds are spectra that do not change, notes of amsynth, and recordings. The table is docs/true-phase.csv,
explained in docs/coherent-phase.md. RTPGHI is explained in training/studies/rtpghi.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.base.command_line import Parser, at_least, run_program
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target
from runtime.base.progress import Progress
from runtime.recordings.reading import UnusableError, mono_blocks
from training.corpus.amsynth import HeldNotes, Patch, find_banks, find_plugin, read_bank, render_patch
from training.corpus.csv_table import write_csv
from training.corpus.frames import FrameStore, sound_name
from training.corpus.recordings import find_recordings
from training.studies.moving_voice import METHODS, MovingVoice
from training.studies.phase_error import ANALYSIS_HOP_S, N_SPECTRA, SECONDS, spectral_error, unsteadiness

NOTE_S = 1.5  # how long amsynth's notes are held
RECORDING_S = 4.0  # how much of a recording is used
FADE_OUT_S = 0.05  # how long a sound fades out at its end, where it may have been cut off
ATTACK_S = 0.1
AUDIBLE = 1e-3  # an audible frame: its loudest bin exceeds this share of the loudest bin in all frames
LOUD = 1e-2  # a loud stretch: its RMS exceeds this share of the RMS of the loudest stretch


class Note(NamedTuple):
    """A note and its sound.

    group: `amsynth`, or the recording's folder.
    sound: mono float32 (n_samples,).
    """

    group: str
    name: str
    sound: np.ndarray


def padded(sound: np.ndarray, spec: StftSpec) -> np.ndarray:
    """Fade a sound (n_samples,) out at its end, and put silence before and after it, frame_size samples or more."""
    faded = np.array(sound, np.float32)
    n = round(FADE_OUT_S * spec.sample_rate_hz)
    faded[-n:] *= np.linspace(1.0, 0.0, n, dtype=np.float32)[-len(faded) :]
    n_after = spec.frame_size + -len(faded) % spec.hop_size
    return np.pad(faded, (spec.frame_size, n_after))


def likeness(sound: np.ndarray, true: np.ndarray, played: slice, spec: StftSpec) -> dict[str, float]:
    """How much a sound (n_samples,) differs from the true sound of the same length.

    played: the bins to compare.

    Only audible frames count. A frame's error is |a Z - M| / |M| as in `spectral_error`, but M is the true sound's
    magnitude frame at the same time. Returns:
    - `attack_error`: mean error over the attack, the first ATTACK_S of the audible frames
    - `error`: mean error after the attack
    - `unsteadiness`: how unsteady the level is after the attack. Each loud stretch of 10 ms gives a ratio: the RMS of
      the sound divided by the RMS of the true sound. The figure is std(ratios) / mean(ratios)

    `error` and `unsteadiness` leave out the final ATTACK_S, where the sound was cut off.
    """
    hop_size = round(ANALYSIS_HOP_S * spec.sample_rate_hz)
    often = StftSpec(spec.sample_rate_hz, spec.frame_size, hop_size)
    again, wanted = (magnitude_frames(each, often)[:, played] for each in (sound, true))
    are_audible = wanted.max(axis=1) > AUDIBLE * wanted.max()
    again, wanted = again[are_audible], wanted[are_audible]
    gain = float((again * wanted).sum() / np.square(again).sum())
    errors = np.linalg.norm(gain * again - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
    rms, true_rms = (
        np.sqrt(np.mean(np.square(each[: len(each) // hop_size * hop_size].reshape(-1, hop_size)), axis=1))
        for each in (sound, true)
    )
    are_loud = true_rms > LOUD * true_rms.max()
    ratios = without_ends(rms[are_loud] / true_rms[are_loud])
    return {
        "error": float(without_ends(errors).mean()),
        "attack_error": float(errors[: n_attack(errors)].mean()),
        "unsteadiness": float(ratios.std() / ratios.mean()),
    }


def n_attack(values: np.ndarray) -> int:
    """How many of the values belong to the attack: always fewer than half of them.

    values: (n,), one every ANALYSIS_HOP_S.
    """
    return min(round(ATTACK_S / ANALYSIS_HOP_S), (len(values) - 1) // 2)


def without_ends(values: np.ndarray) -> np.ndarray:
    """The values (n,) without the first and the last `n_attack(values)` of them."""
    return values[n_attack(values) : len(values) - n_attack(values)]


def measure_note(voice: MovingVoice, sound: np.ndarray, costs_us: dict[str, list[float]]) -> dict[str, float]:
    """Measure one note. Returns the figures by the names of their columns in the table.

    sound: the note's sound, (n_samples,).
    costs_us: for each method, the times that it took for a hop; this note's times are added.
    """
    spec, true = voice.spec, padded(sound, voice.spec)
    frames = np.array([voice.playable(frame) for frame in magnitude_frames(true, spec)])
    frames[:, : spec.first_heard_bin] = 0.0
    played = slice(spec.first_heard_bin, int(np.flatnonzero(voice.playable(np.ones(spec.n_bins)))[-1]) + 1)
    figures = {}
    for method in METHODS:
        start_s = time.perf_counter()
        followed = voice.follow(method, frames)
        costs_us[method].append(1e6 * (time.perf_counter() - start_s) / len(frames))
        measures = likeness(followed, true[: len(followed)], played, spec)
        figures |= {f"{method}_{name}": value for name, value in measures.items()}
    return figures


def measure_rest(voice: MovingVoice, magnitudes: np.ndarray) -> dict[str, float | str]:
    """Measure the sound of one frame that is repeated unchanged. Returns figures by column, as `measure_note` does.

    magnitudes: the frame, (n_bins,).
    """
    spec, figures = voice.spec, {}
    n_hops = round(SECONDS * spec.sample_rate_hz / voice.hop_size)
    for method in METHODS:
        sound = voice.rest(method, magnitudes, n_hops)
        figures[f"{method}_error"] = spectral_error(sound, magnitudes, spec)
        figures[f"{method}_attack_error"] = ""
        figures[f"{method}_unsteadiness"] = unsteadiness(sound, spec.sample_rate_hz)
    return figures


def amsynth_notes(store: FrameStore, rows: np.ndarray) -> Iterator[Note]:
    """Render the notes from which frames of an amsynth corpus were taken; rows: row numbers of the frames."""
    if store.about.get("kind") != "amsynth":
        raise UserError(
            store.folder, f"a corpus of {store.about.get('kind')}", "one of amsynth", "give another --corpus"
        )
    plugin = find_plugin()
    banks = find_banks(plugin)
    with tempfile.TemporaryDirectory() as data_home:
        for row in rows:
            clip = store.clips[store.clip[row]]
            bank, _, patch_name = sound_name(clip).partition("/")
            patch = Patch(patch_name, clip.split, read_bank(banks[bank])[int(patch_name.split()[0])][1])
            notes = HeldNotes([clip.note], NOTE_S)
            sound = render_patch(patch, notes, plugin, store.spec.sample_rate_hz, data_home)
            yield Note("amsynth", clip.name, sound[0])


def recorded_notes(folder: Path, spec: StftSpec) -> Iterator[Note]:
    """The first RECORDING_S of each recording in a folder."""
    for recording in find_recordings(folder):
        try:
            sound = np.concatenate(list(mono_blocks(recording.path, spec.sample_rate_hz)))
        except UnusableError as error:
            raise UserError(recording.path, str(error), "a recording", "repair or remove it") from None
        yield Note(folder.name, recording.name, sound[: round(RECORDING_S * spec.sample_rate_hz)])


def run(arguments: argparse.Namespace) -> int:
    """Measure random training frames, their notes and the recordings; write the table, and print means."""
    refuse_bad_target(arguments.out)
    store = FrameStore.open(arguments.corpus)
    rows = store.rows("train")
    chosen = np.random.default_rng(arguments.seed).choice(rows, min(arguments.spectra, len(rows)), replace=False)
    chosen = np.sort(chosen)
    voice, table, costs_us = MovingVoice(store.spec, arguments.seed), [], {method: [] for method in METHODS}
    notes = list(amsynth_notes(store, chosen))
    for folder in arguments.recordings:
        notes += recorded_notes(folder, store.spec)
    with Progress("sounds", len(chosen) + len(notes)) as progress:
        for row in chosen:
            about = {"group": "resting", "name": f"frame {row}, {store.clips[store.clip[row]].name}"}
            table.append(about | measure_rest(voice, voice.playable(store.magnitudes[row])))
            progress.update(len(table))
        for note in notes:
            table.append({"group": note.group, "name": note.name} | measure_note(voice, note.sound, costs_us))
            progress.update(len(table))
    write_csv(
        arguments.out, [{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in line.items()} for line in table]
    )
    print_summary(table, costs_us)
    return 0


def print_summary(table: list[dict[str, float | str]], costs_us: dict[str, list[float]]) -> None:
    """Print each group's means by method, and the median times for a hop."""
    for group in dict.fromkeys(line["group"] for line in table):
        lines = [line for line in table if line["group"] == group]
        for measure in ("error", "attack_error", "unsteadiness"):
            if lines[0][f"{METHODS[0]}_{measure}"] != "":
                means = (f"{m} {np.mean([line[f'{m}_{measure}'] for line in lines]):.3f}" for m in METHODS)
                print(f"{group} ({len(lines)}), {measure}: {', '.join(means)}")
    print("us for a hop: " + ", ".join(f"{method} {np.median(costs):.0f}" for method, costs in costs_us.items()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = Parser(prog="python -m training.studies.true_phase", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="frames that `corpus amsynth` wrote")
    parser.add_argument("--recordings", type=Path, nargs="*", default=[], metavar="DIR", help="folders of recordings")
    parser.add_argument("--out", type=Path, default=Path("docs/true-phase.csv"), metavar="F", help="the table")
    parser.add_argument("--spectra", type=at_least(1), default=N_SPECTRA, metavar="N", help="how many training frames")
    parser.add_argument("--seed", type=int, default=48, metavar="N", help="chooses the frames")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
