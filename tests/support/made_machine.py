"""A made-up machine: a folder used as /, with the files of /proc, /sys and /dev that a test needs."""

from __future__ import annotations

from pathlib import Path


class MadeMachine:
    def __init__(self, root: Path):
        self.root = root

    def write(self, path: str, text: str) -> None:
        """Write a file of the machine; a newline is added, as in the kernel's files."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n")

    def link(self, path: str, target: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
