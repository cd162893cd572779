"""Opens the paper's corpora, whole or reduced, and builds missing corpora."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from training.corpus import amsynth, recordings
from training.corpus.csv_table import read_table, write_csv
from training.corpus.frames import FrameStore, refuse_bad_frames
from training.corpus.manifest import read_manifest
from training.paper.plan import Plan

MANIFEST = "manifest.csv"
PATCHES = "patches.csv"
# The frames of a corpus's further patches (see `CorpusPlan`) have a folder of their own, whose name ends in FURTHER.
FURTHER = "-further"


@dataclass(frozen=True)
class Corpora:
    """The corpora of a plan, all in one folder.

    violin: folder of violin recordings, or None.
    violin_manifest: the table of these recordings; None for manifest.csv in their folder.
    quick: whether to build reduced corpora.
    """

    plan: Plan
    folder: Path
    violin: Path | None = None
    violin_manifest: Path | None = None
    quick: bool = False

    def why_missing(self, name: str) -> str | None:
        """Why a corpus can be neither opened nor built; None if it can be opened or built."""
        if self.plan.corpora[name].scale or self.violin or self._path(name).exists():
            return None
        return f"no recordings for the {name} corpus (--violin DIR names a folder with a manifest)"

    def open(self, name: str) -> FrameStore:
        """Open a corpus, and build it first if missing; UserError if this fails or a frame is not usable."""
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

    def open_further(self, name: str) -> FrameStore | None:
        """Open a corpus's further patches, and build them first if missing; None if the plan names none."""
        patches = self.plan.corpora[name].further_patches
        if patches is None:
            return None
        path = self._path(name, FURTHER)
        if not path.exists():
            print(f"building the further patches of the {name} corpus: {path}", flush=True)
            self._build_amsynth(name, path, amsynth.PATCHES.with_name(patches))
        store = FrameStore.open(path)
        refuse_bad_frames(store)
        return store

    def _path(self, name: str, ending: str = "") -> Path:
        return self.folder / (self.plan.corpora[name].folder + ending)

    def _build_amsynth(self, name: str, path: Path, patches: Path = amsynth.PATCHES) -> None:
        corpus = self.plan.corpora[name]
        patches = self._write_fewer_patches(patches) if self.quick else patches
        amsynth.build(path, amsynth.Scale(corpus.scale, corpus.octaves), patches)

    def _write_fewer_patches(self, patches: Path) -> Path:
        rows = read_table(patches, ("bank", "index", "split"))
        splits = [row.split() for row in rows]
        chosen = [
            row.cells
            for index, row in enumerate(rows)
            if splits[:index].count(splits[index]) < self.plan.quick.patches[splits[index]]
        ]
        path = self.folder / (PATCHES if patches == amsynth.PATCHES else f"further-{PATCHES}")
        write_csv(path, chosen)
        return path

    def _build_recordings(self, path: Path) -> None:
        if self.violin is None:
            expected = "frames, or recordings to make them from"
            raise UserError(path, "no such corpus", expected, "name their folder with --violin")
        found = read_manifest(self.violin_manifest or self.violin / MANIFEST, self.violin)
        if not found[0].split:
            manifest = self.violin_manifest or self.violin / MANIFEST
            remedy = "say train for single notes, val and test for performances"
            raise UserError(manifest, "no column split", "the split of each recording", remedy)
        if self.quick:
            found = [recording for split in self.plan.quick.recordings for recording in self._fewer(found, split)]
        recordings.build(path, path.name, found, strict=False, force=False, seed=0)

    def _fewer(self, found: list[recordings.Recording], split: str) -> list[recordings.Recording]:
        own = [recording for recording in found if recording.split == split]
        n = min(self.plan.quick.recordings[split], len(own))
        return [own[index] for index in np.linspace(0, len(own) - 1, n).round().astype(int)]
