"""Cuts the power of a box, and replays what it wrote to its disk: python -m tests.soak.pulled_plug [--folder DIR]
[--cuts N] [--replays N] [--boots N] [--out F.md].

This test needs root, FUSE and loop devices, 8 GB in DIR, a network for the first run, and: apt-get install debootstrap
systemd-container qemu-utils qemu-system-common e2fsprogs zstd. The box is a Debian 13 on a disk whose writes and
flushes are recorded. Of the writes that were not flushed before a cut, the disk keeps none, the first few, or a random
selection; selected writes may be torn.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path

from runtime.base.errors import UserError
from runtime.link.client import Link
from runtime.link.place import SERVICE_SOCKET
from tests.soak.nspawn import Material
from tests.support.box import Box
from tests.support.machine import block_log, owner
from tests.support.machine.disk import Machinery, debian_with_kernel, install, make_disk
from tests.support.machine.recorded_disk import RecordedDisk, check_image, mend, mended

# What the box may be doing when its plug is pulled, and the longest time in s before the pull.
ACTIVITIES = {"play": 15.0, "save": 8.0, "install": 40.0, "update": 40.0}


class Plug:
    """A box whose plug is pulled over and over.

    image: the file of the box's disk.
    folder: for the record of the disk's writes.
    whole: digest of each file of an installed version, by name.
    """

    def __init__(self, image: Path, folder: Path, whole: dict[str, bytes], chance: random.Random):
        self.disk, self._whole, self._chance = RecordedDisk(image, folder), whole, chance
        self.box = Box(self.disk.root)
        self.promises = owner.Promises({})
        self._booted_at = 0

    def boot(self) -> None:
        self.disk.attach()
        self.promises = owner.Promises(owner.levels(self.disk.root))
        self.box.start()
        self.box.wait_for_ready()
        with Link(self._socket()) as link:
            owner.listen(link)
            owner.read_sounds(link)
        self._booted_at = self.disk.n_bytes

    def act(self, activity: str, until_s: float, n_times: int = 10**9) -> None:
        """Do one of ACTIVITIES, and end at `until_s` at the latest.

        until_s: a time of `time.monotonic`.
        n_times: how often to play or save, at most. An install or an update is done once; until it ends, sounds are
            saved without this limit.
        """
        words = words_of(activity, self._chance)
        process = self.box.begin(*words) if words else None
        while n_times and time.monotonic() < until_s and (process is None or process.poll() is None):
            n_times -= process is None
            try:
                with Link(self._socket()) as link:
                    if activity == "play":
                        owner.play_on(link, self._chance)
                    else:
                        owner.save_on(self.promises, link, self._chance, lambda: self.disk.n_bytes)
            except (OSError, UserError):
                assert process is not None, "the program is gone"  # only an install or an update stops it
            time.sleep(self._chance.uniform(0.0, 0.2))
        if process is not None and process.poll() is not None:
            assert process.returncode == 0, process.communicate()[0]
            self.promises.updated(owner.playing_version(self.disk.root), self.disk.n_bytes)

    def cut(self) -> tuple[int, int]:
        """Cut the power, and check the disk; returns the number of unflushed writes, and how many the disk keeps.

        The cut falls at a random byte of the record, not at a random time, because most of the time nothing is written.
        """
        self.box.pull_plug()
        n_bytes = self._chance.randint(self._booted_at, self.disk.n_bytes)
        self.disk.detach()
        safe, unsafe = block_log.split_at_last_flush(block_log.before(block_log.read_writes(self.disk.log), n_bytes))
        kept = block_log.what_remains(unsafe, self._chance)
        self.disk.keep([*safe, *kept])
        mend(self.disk.image)
        check_image(self.disk.image, lambda root: owner.check_files(root, self._whole, self.promises, n_bytes))
        return len(unsafe), len(kept)

    def end(self) -> None:
        if self.disk.is_attached:
            with suppress(OSError):
                self.box.pull_plug()
            self.disk.detach()

    def _socket(self) -> Path:
        return self.box.inside(str(SERVICE_SOCKET))


def words_of(activity: str, chance: random.Random) -> list[str] | None:
    """The command of one of ACTIVITIES; None if it has none."""
    return {"install": ["dpkg", "-i", f"/material/revision-{chance.choice((2, 4))}.deb"],
            "update": ["timbrebox", "service", "update", "/material/good.tar.gz"]}.get(activity)  # fmt: skip


def cut_often(plug: Plug, n_cuts: int, chance: random.Random) -> list[str]:
    began_s, counts, n_unsafe, n_kept = time.monotonic(), Counter(), 0, 0
    for number in range(n_cuts):
        activity = list(ACTIVITIES)[number % len(ACTIVITIES)]
        plug.boot()
        after_s = chance.uniform(0.3, ACTIVITIES[activity])
        plug.act(activity, time.monotonic() + after_s)
        unsafe, kept = plug.cut()
        print(f"cut {number + 1}: {activity}, {after_s:.1f} s; {unsafe} writes not flushed, {kept} kept", flush=True)
        counts[activity] += 1
        n_unsafe, n_kept = n_unsafe + unsafe, n_kept + kept
    plug.boot()
    for activity in ("install", "update"):
        plug.act(activity, time.monotonic() + 300)
    plug.box.stop()
    plug.disk.detach()
    what = ", ".join(f"{count} at {name}" for name, count in counts.items())
    seen = (f"each time it boots and plays, and version, settings, sounds and state are whole; of {n_unsafe:,} writes "
            f"that were not flushed {n_kept:,} remained; afterwards `dpkg -i` and `update` succeed; "
            f"{(time.monotonic() - began_s) / 60:.0f} minutes")  # fmt: skip
    return [f"| power cut {n_cuts} times: {what} | {seen} |"]


def record(plug: Plug) -> None:
    plug.boot()
    for activity, n_times in (("save", 40), ("install", 1), ("save", 20), ("update", 1), ("save", 40)):
        plug.act(activity, time.monotonic() + 600, n_times)
    plug.box.stop()
    plug.disk.detach()


class Replays:
    """Replays the writes of a recorded session up to random points."""

    def __init__(self, plug: Plug, whole: dict[str, bytes], chance: random.Random):
        self._plug, self._whole, self._chance = plug, whole, chance
        self._image, self._log = plug.disk.image, plug.disk.log.with_name("session")
        plug.disk.log.rename(self._log)
        self._writes = block_log.read_writes(self._log)
        self._n_safe, self._version = 0, 0

    def run(self, n_replays: int, n_boots: int) -> list[str]:
        """Check the disk after each of `n_replays` cuts, and boot `n_boots` of the disks; returns the table's rows."""
        began_s, writes = time.monotonic(), self._writes
        cuts = sorted(self._chance.randint(1, len(writes)) for _ in range(n_replays))
        booted = set(self._chance.sample(range(n_replays), min(n_boots, n_replays)))
        for number, cut in enumerate(cuts):
            self._one(cut, is_tenth=number % 10 == 0, boots=number in booted)
            if number % 50 == 0:
                print(f"replay {number + 1} of {n_replays}: {time.monotonic() - began_s:.0f} s", flush=True)
        n_flushes = sum(write.is_flush for write in writes)
        told = f"{len(writes):,} writes, {n_flushes:,} flushes, {self._log.stat().st_size / 1e6:.0f} MB"
        seen = (f"{n_replays:,} of {n_replays:,}: the file system, the version that would play, settings, sounds and "
                f"state are whole, and what was confirmed is there; {len(booted)} of them booted, and played; "
                f"{(time.monotonic() - began_s) / 60:.0f} minutes")  # fmt: skip
        return [f"| a session of 100 saves, an upgrade and an update ({told}), replayed up to random points | {seen} |"]

    def _one(self, cut: int, *, is_tenth: bool, boots: bool) -> None:
        safe, unsafe = block_log.split_at_last_flush(self._writes[:cut])
        block_log.apply(safe[self._n_safe :], self._log, self._image)
        self._n_safe = len(safe)
        replaced = block_log.apply(block_log.what_remains(unsafe, self._chance), self._log, self._image)
        n_bytes = self._writes[cut].at if cut < len(self._writes) else self._log.stat().st_size
        with mended(self._image, is_thorough=is_tenth):
            check_image(self._image, lambda root: self._check(root, n_bytes, is_tenth))
            if boots:
                _boot_once(self._image, self._plug.disk.root.with_name("boot"))
        block_log.undo(replaced, self._image)

    def _check(self, root: Path, n_bytes: int, is_tenth: bool) -> None:
        """Check the disk that a cut has left.

        The program's files are checked if the playing version has changed since the previous cut, or if `is_tenth`.
        """
        before, self._version = self._version, owner.playing_version(root)
        is_thorough = is_tenth or self._version != before
        owner.check_files(root, self._whole, self._plug.promises, n_bytes, is_thorough=is_thorough)


def _boot_once(image: Path, folder: Path) -> None:
    disk = RecordedDisk(image, folder)
    box = Box(disk.root)
    disk.attach()
    try:
        box.start()
        box.wait_for_ready()
        with Link(box.inside(str(SERVICE_SOCKET))) as link:
            owner.listen(link)
            owner.read_sounds(link)
    finally:
        box.pull_plug()
        disk.detach()


def prepare(folder: Path, settings: str = owner.SETTINGS_TEXT) -> tuple[Machinery, dict[str, bytes]]:
    """Make a disk with the package installed; returns what QEMU needs, and the digest of each packaged file.

    settings: the owner's settings of the service, as text.
    """
    material = Material(folder / "material")
    for revision in (2, 4):
        material.package(revision)
    material.archive("good")
    root = folder / "installed"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", debian_with_kernel(folder), root], check=True)
    texts = {str(owner.SETTINGS): settings, str(owner.MINE): owner.MINE_TEXT}
    install(root, material.folder, material.deb.name, texts)
    return make_disk(root, folder / "disk.img"), owner.packaged(material.tree)


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.soak.pulled_plug", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/timbrebox-plug"))
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--replays", type=int, default=1000)
    parser.add_argument("--boots", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    hide_mounts("tests.soak.pulled_plug")
    made, whole = prepare(arguments.folder)
    rows = [f"Run on {date.today():%d %B %Y}.\n", "| step | seen |", "|---|---|"]
    chance = random.Random(arguments.seed)
    for name, steps in (("replays", _replays), ("cuts", _cuts)):
        used = made.disk.with_name(f"{name}.img")
        subprocess.run(["cp", "--sparse=always", made.disk, used], check=True)
        plug = Plug(used, arguments.folder / name, whole, chance)
        try:
            rows += steps(plug, whole, arguments, chance)
        finally:
            plug.end()
        print(rows[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


def hide_mounts(module: str) -> None:
    """Start the program `module` again with mounts of its own, which no other program can keep in use."""
    if "TIMBREBOX_ALONE" not in os.environ:
        os.environ["TIMBREBOX_ALONE"] = "1"
        alone = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", module]
        os.execvp(alone[0], [*alone, *sys.argv[1:]])


def _replays(plug: Plug, whole: dict[str, bytes], arguments: argparse.Namespace, chance: random.Random) -> list[str]:
    if not arguments.replays:
        return []
    record(plug)
    return Replays(plug, whole, chance).run(arguments.replays, arguments.boots)


def _cuts(plug: Plug, _: dict[str, bytes], arguments: argparse.Namespace, chance: random.Random) -> list[str]:
    return cut_often(plug, arguments.cuts, chance) if arguments.cuts else []


if __name__ == "__main__":
    main()
