"""A made-up machine: a folder in the place of /, with the files of /proc, /sys and /dev that a test needs."""

from __future__ import annotations

from pathlib import Path


class MadeMachine:
    """The folder `root`, and what is in it."""

    def __init__(self, root: Path):
        self.root = root

    def write(self, path: str, text: str) -> None:
        """Write one of the kernel's files, with the end of line that it has."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n")

    def link(self, path: str, target: str) -> None:
        """Make a link, as /proc has them for open files."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
