"""Mounts a disk image on this machine, and records its writes and flushes; checks a disk image after a power cut.

QEMU's storage daemon shows the image as a file through FUSE. The image stays unchanged: writes go to another file, and
to the record.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.support.machine import block_log

_FSCK_MENDED = 1
T = TypeVar("T")


class RecordedDisk:
    """A disk image in use.

    root: the folder where the image is mounted.
    log: the record of the writes to the image.
    """

    def __init__(self, image: Path, folder: Path):
        self.image, self._folder = image, folder
        self.root, self.log = folder / "root", folder / "log"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._device, self.is_attached = "", False
        self.root.mkdir(parents=True, exist_ok=True)

    @property
    def n_bytes(self) -> int:
        return self.log.stat().st_size

    def attach(self) -> None:
        disk, top = self._folder / "disk", self._folder / "writes.qcow2"
        for path in (disk, self.log):
            path.write_bytes(b"")
        top.unlink(missing_ok=True)
        _call("qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image, "-F", "raw", top)
        options = [f"driver=file,filename={top},node-name=top,cache.no-flush=on",
                   "driver=qcow2,file=top,node-name=changes",
                   f"driver=file,filename={self.log},node-name=log,cache.no-flush=on",
                   "driver=blklogwrites,file=changes,log=log,node-name=disk"]  # fmt: skip
        blocks = [word for option in options for word in ("--blockdev", option)]
        export = f"type=fuse,id=disk,node-name=disk,mountpoint={disk},writable=on"
        self._daemon = subprocess.Popen(["qemu-storage-daemon", *blocks, "--export", export])
        size = self.image.stat().st_size
        until_s = time.monotonic() + 30
        while disk.stat().st_size != size:
            assert time.monotonic() < until_s, "the storage daemon shows no disk"
            time.sleep(0.02)
        self._device = _call("losetup", "--show", "--find", disk).strip()
        _call("mount", "-t", "ext4", self._device, self.root)
        self.is_attached = True

    def detach(self) -> None:
        """Unmount the disk; the record also gets the writes of the unmounting."""
        until_s = time.monotonic() + 30
        while subprocess.run(["umount", self.root], capture_output=True, check=False).returncode:
            assert time.monotonic() < until_s, f"{self.root} stays in use"
            time.sleep(0.1)
        _call("losetup", "--detach", self._device)
        self._daemon.terminate()
        self._daemon.wait(60)
        self.is_attached = False

    def keep(self, remaining: list[block_log.Write]) -> None:
        block_log.apply(remaining, self.log, self.image)


def mend(image: Path, undo: Path | None = None, *, is_thorough: bool = True) -> None:
    """Check and mend a file system as a boot does; AssertionError if an error remains.

    undo: a file to be written, from which e2undo can undo the mending; None to write no such file.
    is_thorough: whether to check a second time.
    """
    more = ["-z", undo] if undo else []
    done = subprocess.run(["e2fsck", "-p", *more, image], capture_output=True, text=True, check=False)
    assert done.returncode <= _FSCK_MENDED, done.stdout + done.stderr
    if is_thorough:
        done = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def mended(image: Path, *, is_thorough: bool = True) -> Iterator[None]:
    """Mend an image as `mend` does; at the end of the `with` block, undo the mending."""
    undo = image.with_suffix(".e2undo")
    undo.unlink(missing_ok=True)
    mend(image, undo, is_thorough=is_thorough)
    try:
        yield
    finally:
        if undo.exists():
            subprocess.run(["e2undo", undo, image], check=True, capture_output=True)


def check_image(image: Path, check: Callable[[Path], T]) -> T:
    root = image.with_suffix(".mounted")
    root.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop,ro,noload", image, root], check=True)
    try:
        return check(root)
    finally:
        subprocess.run(["umount", root], check=True)


def _call(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout
