"""Renders a source by its name into a folder of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runtime.base.progress import Progress
from runtime.base.signals import signals_as_exceptions
from training.sources import fm, orchestra, strings
from training.sources.folder import Origin, RecordingFolder, Take

SOURCES: dict[str, Callable[[], Iterator[tuple[int, str, list[Take], Origin]]]] = {
    "fm": fm.sounds,
    "orchestra": orchestra.sounds,
    "strings": strings.sounds,
}


def render(name: str, out: Path, force: bool = False) -> str:
    """Write the recordings of the source `name` to `out`; returns what the folder holds, in a few lines."""
    with signals_as_exceptions(), RecordingFolder(out, force) as folder, Progress(name, 1.0) as progress:
        for done, (n_sounds, sound, takes, origin) in enumerate(SOURCES[name](), start=1):
            folder.add(sound, takes, origin)
            progress.update(done / n_sounds, sound)
    return folder.report()
