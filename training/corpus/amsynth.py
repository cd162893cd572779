"""The demo corpus: notes of amsynth, a subtractive synthesizer in Debian, rendered offline."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.acoustics.pitch import note_name
from runtime.acoustics.spectrum import StftSpec, magnitude_frames, unit_peak_frames
from runtime.base.errors import UserError, did_you_mean
from runtime.base.progress import Progress
from training.corpus.csv_table import read_table, refuse_missing_split
from training.corpus.dssi import Playing, Plugin, play
from training.corpus.frames import Clip, FrameWriter
from training.hearing.clear_frames import are_clear

PATCHES = Path(__file__).resolve().parents[2] / "configs" / "amsynth80.csv"
PLUGIN = "amsynth_dssi.so"
DSSI_FOLDERS = ("/usr/lib/dssi", "/usr/local/lib/dssi", "~/.dssi")
INSTALL = "install it with: sudo apt-get install amsynth"
LICENCE = "rendered from the factory patches of amsynth (GPL-2+)"
VELOCITY = 100
STEPS = {"chromatic": tuple(range(12)), "c-major": (0, 2, 4, 5, 7, 9, 11)}
# Seconds per note. With these values, 80 patches give about as many frames as one of the paper's corpora has.
NOTE_S = {"chromatic": 0.6, "c-major": 0.8}
LOWEST_NOTE = {1: 60, 5: 36}


@dataclass(frozen=True)
class Patch:
    """One sound of a bank.

    controls: values of the plugin's control ports, by the ports' names.
    """

    name: str
    split: str
    controls: dict[str, float]


@dataclass(frozen=True)
class HeldNotes:
    """MIDI notes for a patch to play, each held for `note_s` seconds."""

    notes: Sequence[int]
    note_s: float


@dataclass(frozen=True)
class Scale:
    """A scale from STEPS, over one octave (C4 to C5) or five octaves (C2 to C7)."""

    name: str = "chromatic"
    n_octaves: int = 5

    @property
    def notes(self) -> list[int]:
        """The MIDI notes, in rising order."""
        lowest = LOWEST_NOTE[self.n_octaves]
        rising = [lowest + 12 * octave + step for octave in range(self.n_octaves) for step in STEPS[self.name]]
        return [*rising, lowest + 12 * self.n_octaves]

    @property
    def note_s(self) -> float:
        """How long each note is held, in seconds."""
        return NOTE_S[self.name]


def find_plugin() -> Path:
    """The path of amsynth's DSSI plugin; UserError if it is not installed."""
    folders = os.environ["DSSI_PATH"].split(":") if os.environ.get("DSSI_PATH") else list(DSSI_FOLDERS)
    for folder in folders:
        plugin = Path(folder).expanduser() / PLUGIN
        if plugin.is_file():
            return plugin
    raise UserError("corpus amsynth", f"no {PLUGIN} in {':'.join(folders)}", "amsynth's DSSI plugin", INSTALL)


def find_banks(plugin: Path) -> dict[str, Path]:
    """Paths of amsynth's bank files by name; UserError if there are none."""
    for share in (plugin.parents[2] / "share", Path("/usr/share")):
        banks = {path.name.split(".")[0]: path for path in sorted((share / "amsynth" / "banks").glob("*.bank"))}
        if banks:
            return banks
    raise UserError("corpus amsynth", f"no banks for {plugin}", "amsynth's factory banks", INSTALL)


def read_bank(path: Path) -> list[tuple[str, dict[str, float]]]:
    """Name and controls of every patch in a bank file, in order."""
    patches: list[tuple[str, dict[str, float]]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        tag, _, rest = line.partition(" ")
        if tag == "<preset>":
            patches.append((rest.removeprefix("<name>").strip(), {}))
        elif tag == "<parameter>" and patches:
            key, value = rest.split()
            patches[-1][1][key] = float(value)
    return patches


def read_patches(path: str | Path, banks: dict[str, Path]) -> list[Patch]:
    """Read a patch list: CSV with columns bank, index and split, and an optional column name.

    A name must be the one that the bank gives the patch. The list must have patches of every split, or of test only.
    If the list is wrong, UserError names the wrong line or the missing split.

    banks: paths of the bank files by name.
    """
    opened: dict[str, list[tuple[str, dict[str, float]]]] = {}
    patches: dict[str, Patch] = {}
    for row in read_table(path, ("bank", "index", "split")):
        bank, index = row.get("bank"), row.get("index")
        if bank not in banks:
            raise UserError(row.where, f"bank {bank!r}", "an amsynth bank", did_you_mean(bank, banks))
        presets = opened.setdefault(bank, read_bank(banks[bank]) if bank not in opened else [])
        if not (index.isascii() and index.isdigit() and int(index) < len(presets)):
            raise UserError(row.where, f"index {index!r}", f"0 to {len(presets) - 1} for {bank}", "change it")
        name, controls = presets[int(index)]
        if row.get("name") not in ("", name):
            raise UserError(row.where, f"name {row.get('name')!r}", f"{name!r}, its name in {bank}", "change it")
        patch = Patch(f"{bank}/{int(index)} {name}", row.split(), controls)
        if patch.name in patches:
            raise UserError(row.where, f"{patch.name!r} again", "each patch once", "remove that line")
        patches[patch.name] = patch
    splits = [patch.split for patch in patches.values()]
    if set(splits) != {"test"}:
        refuse_missing_split(splits, path)
    return list(patches.values())


def render_patch(
    patch: Patch, notes: Scale | HeldNotes, plugin: Path, sample_rate_hz: int, data_home: str
) -> np.ndarray:
    """Render a patch's notes, each held as long as it is recorded; UserError if the plugin fails.

    data_home: a writable folder, in which the plugin looks for banks.
    Returns mono samples, float32 (n_notes, n_samples), bit-identical in every run.
    """
    n_samples = round(notes.note_s * sample_rate_hz)
    hosted = Plugin(plugin, environment={"XDG_DATA_HOME": data_home})
    playing = Playing(list(notes.notes), VELOCITY, n_samples, n_samples, sample_rate_hz, controls=patch.controls)
    return play(hosted, playing, f"amsynth, patch {patch.name!r}")


def patch_frames(samples: np.ndarray, spec: StftSpec) -> list[np.ndarray]:
    """For each note, its audible frames, (n, n_bins), each scaled to a peak of 1.

    samples: (n_notes, n_samples).
    """
    return [unit_peak_frames(magnitude_frames(note, spec), spec)[0] for note in samples]


def build(
    out: Path,
    scale: Scale,
    patches_path: str | Path = PATCHES,
    force: bool = False,
    only_clear: bool = False,
    every: int = 1,
) -> None:
    """Render every patch at every note of the scale to a frame store `out`; UserError if amsynth is missing.

    only_clear: keep only clear frames (`are_clear`).
    every: 1 keeps all frames of a note; 10 keeps every tenth frame, for quick trials.
    """
    plugin = find_plugin()
    patches = read_patches(patches_path, find_banks(plugin))
    spec = StftSpec()
    options = {"patches": Path(patches_path).name, "n_patches": len(patches), "only_clear": only_clear, "every": every}
    about = _about(scale, options)
    with FrameWriter(out, spec, about, force) as writer, Progress("amsynth", len(patches)) as progress:
        for done, (patch, frames) in enumerate(_render_all(patches, scale, plugin, spec), start=1):
            for note, magnitudes in zip(scale.notes, frames, strict=True):
                if only_clear:
                    magnitudes = magnitudes[are_clear(magnitudes, np.full(len(magnitudes), note), spec)]
                magnitudes = magnitudes[every // 2 :: every]
                clip = Clip(f"{patch.name} {note_name(note)}", patch.split, note, "amsynth", LICENCE)
                writer.add(magnitudes, clip)
            progress.update(done, patch.name)


def _about(scale: Scale, options: dict[str, object]) -> dict[str, object]:
    of_scale = {"scale": scale.name, "octaves": scale.n_octaves, "note_s": scale.note_s, "velocity": VELOCITY}
    return {
        "kind": "amsynth",
        "name": f"amsynth {scale.name}, {scale.n_octaves} octave{'s' if scale.n_octaves > 1 else ''}",
        "licence": LICENCE,
        "sources": ["Debian package amsynth, factory banks"],
        "options": of_scale | options,
    }


def _render_all(
    patches: list[Patch], scale: Scale, plugin: Path, spec: StftSpec
) -> Iterator[tuple[Patch, list[np.ndarray]]]:
    """Render all patches on all cores; yields each patch, in order, with its notes' frames.

    At most two patches per core are rendered ahead, which bounds the memory.
    """
    n_workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as data_home, ThreadPoolExecutor(n_workers) as pool:

        def work(patch: Patch) -> list[np.ndarray]:
            return patch_frames(render_patch(patch, scale, plugin, spec.sample_rate_hz, data_home), spec)

        ahead: deque[tuple[Patch, Future[list[np.ndarray]]]] = deque()
        try:
            for patch in patches:
                ahead.append((patch, pool.submit(work, patch)))
                if len(ahead) > 2 * n_workers:
                    first, frames = ahead.popleft()
                    yield first, frames.result()
            for first, frames in ahead:
                yield first, frames.result()
        finally:
            pool.shutdown(cancel_futures=True)
