"""Renders a source, chosen by its name, into a folder of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runtime.base.errors import UserError, did_you_mean
from runtime.base.progress import Progress
from runtime.base.signals import signals_as_exceptions
from training.sources import analogue, fm, orchestra, pads, strings
from training.sources.folder import ALL, Origin, RecordingFolder, Take

# For each source, a function that gets the arguments `only` and `most_notes` of `render`. For each sound, it yields
# (number of sounds in all, name, takes, origin).
SOURCES: dict[str, Callable[[str, int], Iterator[tuple[int, str, list[Take], Origin]]]] = {
    "analogue": analogue.sounds,
    "fm": fm.sounds,
    "orchestra": orchestra.sounds,
    "pads": pads.sounds,
    "sections": orchestra.section_sounds,
    "strings": strings.sounds,
}


def render(name: str, out: Path, force: bool = False, only: str = "", most_notes: int = ALL) -> str:
    """Write the recordings of the source `name` to `out`; returns what the folder holds, in a few lines.

    force: whether to replace recordings that are already there.
    only: the name of one sound; empty for all sounds.
    most_notes: at most this many notes of each sound are written.

    UserError if the source, the sound or a package is missing.
    """
    if name not in SOURCES:
        raise UserError(f"source {name!r}", "no such source", "a known one", did_you_mean(name, SOURCES))
    with signals_as_exceptions(), RecordingFolder(out, force) as folder, Progress(name, 1.0) as progress:
        done = 0
        for done, (n_sounds, sound, takes, origin) in enumerate(SOURCES[name](only, most_notes), start=1):
            folder.add(sound, takes, origin)
            progress.update(done / n_sounds, sound)
        if not done:
            raise UserError(f"source {name}", f"no sound {only!r}", "one of its sounds", "leave it out to get all")
    return folder.report()
