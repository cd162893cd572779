"""The summary of a corpus: its frames by split and pitch class."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.pitch import N_CHROMA, PITCH_CLASSES
from training.corpus.frames import NO_NOTE, SPLITS, FrameStore


def summary(store: FrameStore) -> str:
    """A table of the numbers of frames, by pitch class and split, and of clips, by split; remarks follow below it.

    The first remark says in how many frames the pitch class is known, and in how many it is detected. The others say
    which pitch classes a split lacks.
    """
    pitch_class = np.where(store.note != NO_NOTE, store.note % N_CHROMA, store.chroma)
    n_frames = np.zeros((N_CHROMA, len(SPLITS)), int)
    np.add.at(n_frames, (pitch_class, store.split), 1)
    lines = [_line("frames", [*SPLITS, "all"])]
    lines += [_line(name, [*row, row.sum()]) for name, row in zip(PITCH_CLASSES, n_frames, strict=True)]
    lines.append(_line("all", [*n_frames.sum(axis=0), n_frames.sum()]))
    n_clips = [sum(clip.split == split for clip in store.clips) for split in SPLITS]
    lines.append(_line("clips", [*n_clips, len(store.clips)]))
    n_known = int(np.count_nonzero(store.note != NO_NOTE))
    lines.append(f"pitch class: from the known note in {n_known} frames, detected in {len(store.note) - n_known}")
    for split, column in zip(SPLITS, n_frames.T, strict=True):
        empty = [name for name, count in zip(PITCH_CLASSES, column, strict=True) if not count]
        if empty:
            effect = ": a model trained on these frames cannot play them" if split == "train" else ""
            lines.append(f"{split} has no frame of {', '.join(empty)}{effect}")
    return "\n".join(lines)


def _line(head: str, cells: list[object]) -> str:
    return f"{head:>6}" + "".join(f"{cell:>10}" for cell in cells)
