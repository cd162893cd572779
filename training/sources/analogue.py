"""The source `analogue`: factory patches of amsynth, a subtractive synthesizer in Debian."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from training.corpus import amsynth
from training.corpus.dssi import Playing, Plugin, play
from training.sources.folder import ALL, SAMPLE_RATE_HZ, Origin, Take, thinned, why_unusable
from training.sources.packages import debian_file

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PATCHES, CANDIDATES = CONFIGS / "amsynth28.csv", CONFIGS / "amsynth100.csv"
NOTES = tuple(range(36, 97, 3))
HELD_S, RELEASE_S = 3.0, 1.0


def plugin() -> Path:
    """The path of amsynth's plugin, which is fetched unless it is installed."""
    return debian_file("amsynth", "usr/lib/dssi/amsynth_dssi.so")


def candidates() -> list[amsynth.Patch]:
    """The patches to choose from: those in the corpus of the bundled instrument `virtual-analogue`."""
    return amsynth.read_patches(CANDIDATES, amsynth.find_banks(plugin()))


def sound_name(patch: amsynth.Patch) -> str:
    """The patch's name, without its bank and its number."""
    return " ".join(patch.name.split()[1:])


def render_all(
    patches: Sequence[amsynth.Patch], notes: Sequence[int], held_s: float, release_s: float
) -> Iterator[tuple[amsynth.Patch, np.ndarray]]:
    """Yield each patch, in order, with its sound at each of the notes: mono float32 (n_notes, n_samples)."""
    n_held, n_samples = (round(length_s * SAMPLE_RATE_HZ) for length_s in (held_s, held_s + release_s))
    with tempfile.TemporaryDirectory() as data_home, ThreadPoolExecutor(os.cpu_count()) as pool:
        hosted = Plugin(plugin(), environment={"XDG_DATA_HOME": data_home})

        def render(patch: amsynth.Patch) -> np.ndarray:
            playing = Playing(list(notes), amsynth.VELOCITY, n_samples, n_held, SAMPLE_RATE_HZ, controls=patch.controls)
            return play(hosted, playing, f"amsynth, patch {patch.name!r}")

        yield from zip(patches, pool.map(render, patches), strict=True)


def heard_patches(
    patches: Sequence[amsynth.Patch], notes: Sequence[int], held_s: float
) -> Iterator[tuple[amsynth.Patch, np.ndarray | None]]:
    """Yield each patch with its sound at each of the notes, or with None if a note is unusable (`why_unusable`)."""
    for patch, samples in render_all(patches, notes, held_s, 0.0):
        yield patch, None if any(map(why_unusable, _takes(notes, samples))) else samples


def sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Yield the source's sounds; arguments and results as in `sounds` of orchestra.py."""
    patches = amsynth.read_patches(PATCHES, amsynth.find_banks(plugin()))
    chosen = [patch for patch in patches if only in ("", sound_name(patch))]
    notes = thinned(NOTES, most_notes)
    for patch, samples in render_all(chosen, notes, HELD_S, RELEASE_S):
        origin = Origin(amsynth.LICENCE, f"amsynth (Debian amsynth): patch {patch.name}")
        yield len(chosen), sound_name(patch), _takes(notes, samples), origin


def _takes(notes: Sequence[int], samples: np.ndarray) -> list[Take]:
    return [Take(note, amsynth.VELOCITY, one) for note, one in zip(notes, samples, strict=True)]
