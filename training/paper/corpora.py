"""The paper's corpora, built where they are missing, whole or reduced."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import written_whole
from training.corpus import amsynth, recordings
from training.corpus.csv_table import read_table
from training.corpus.frames import FrameStore, refuse_bad_frames
from training.corpus.manifest import read_manifest
from training.paper.plan import Plan

MANIFEST = "manifest.csv"
PATCHES = "patches.csv"


@dataclass(frozen=True)
class Corpora:
    """Where the corpora lie and what they are made of.

    violin: folder of recordings, or None; violin_manifest: by default the manifest.csv in it; quick: reduced ones.
    """

    plan: Plan
    folder: Path
    violin: Path | None = None
    violin_manifest: Path | None = None
    quick: bool = False

    def why_missing(self, name: str) -> str | None:
        """Why a corpus can be neither opened nor built, in words, or None if it can."""
        if self.plan.corpora[name].scale or self.violin or self._path(name).exists():
            return None
        return f"no recordings for the {name} corpus (--violin DIR names a folder with a manifest)"

    def open(self, name: str) -> FrameStore:
        """The corpus, built first where it is not there; UserError if it cannot be, or holds bad frames."""
        path = self._path(name)
        if not path.exists():
            print(f"building the {name} corpus: {path}", flush=True)
            if self.plan.corpora[name].scale:
                self._build_amsynth(name, path)
            else:
                self._build_recordings(path)
        store = FrameStore.open(path)
        refuse_bad_frames(store)
        return store

    def _path(self, name: str) -> Path:
        return self.folder / self.plan.corpora[name].folder

    def _build_amsynth(self, name: str, path: Path) -> None:
        corpus = self.plan.corpora[name]
        patches = self._write_fewer_patches() if self.quick else amsynth.PATCHES
        amsynth.build(path, amsynth.Notes(corpus.scale, corpus.octaves), patches)

    def _write_fewer_patches(self) -> Path:
        """A patch list with the first few of each split."""
        rows = read_table(amsynth.PATCHES, ("bank", "index", "split"))
        splits = [row.split() for row in rows]
        chosen = [
            row.cells
            for index, row in enumerate(rows)
            if splits[:index].count(splits[index]) < self.plan.quick.patches[splits[index]]
        ]
        path = self.folder / PATCHES
        with written_whole(path) as stream:
            writer = csv.DictWriter(stream, list(chosen[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(chosen)
        return path

    def _build_recordings(self, path: Path) -> None:
        if self.violin is None:
            raise UserError(path, "no such corpus", "frames, or recordings to make them of", "name them with --violin")
        found = read_manifest(self.violin_manifest or self.violin / MANIFEST, self.violin)
        if not found[0].split:
            manifest = self.violin_manifest or self.violin / MANIFEST
            remedy = "say train for single notes, val and test for performances"
            raise UserError(manifest, "no column split", "the split of each recording", remedy)
        if self.quick:
            found = [recording for split in self.plan.quick.recordings for recording in self._fewer(found, split)]
        recordings.build(path, path.name, found, strict=False, force=False, seed=0)

    def _fewer(self, found: list[recordings.Recording], split: str) -> list[recordings.Recording]:
        """A few recordings of a split, evenly spread over it, so that they differ in pitch."""
        own = [recording for recording in found if recording.split == split]
        n = min(self.plan.quick.recordings[split], len(own))
        return [own[index] for index in np.linspace(0, len(own) - 1, n).round().astype(int)]
