"""Pulls the plug of the emulated PC, over and over: python -m tests.soak.machine_cuts [--folder DIR] [--cuts N]
[--seed N] [--out F.md].

It needs all that tests.soak.machine and tests.soak.pulled_plug need, and 8 GB in DIR. The PC boots its own kernel, with
a disk whose writes and flushes are recorded. While it plays, saves, installs a package or updates, QEMU is killed. Of
the writes that were not flushed by then, the disk keeps none, the first few, or a random selection; selected writes may
be torn. The disk is checked. The PC boots with it and plays a note, which must be heard from its sound card. Then the
next cut follows. DIR keeps a list of the checked cuts. If the same command is run again, it goes on with the next cut.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.soak.machine import SETTINGS_TEXT
from tests.soak.pulled_plug import ACTIVITIES, hide_mounts, prepare, words_of
from tests.support.machine import block_log, owner
from tests.support.machine.architectures import AMD64
from tests.support.machine.disk import Machinery
from tests.support.machine.plugs import LOUD, Ear
from tests.support.machine.qemu import Answer, EndedError, Machine
from tests.support.machine.recorded_disk import check_image, mended

# The longest time from the beginning of an activity until the plug is pulled, in s of the machine's time.
LONGEST_S = {"play": 4.0, "save": 4.0, "install": 38.0, "update": 25.0}
# Services that a boot need not start here; without them, it takes less time.
_MASKED = ("modprobe@drm", "modprobe@efi_pstore", "modprobe@fuse", "e2scrub_reap", "systemd-logind", "systemd-binfmt",
           "systemd-user-sessions")  # fmt: skip
# Pause between two saves during an installation, which would take twice as long if sounds were saved without pauses.
_BETWEEN_SAVES_S = 1.0
_HOST_PATIENCE_S = 1800.0  # of our time
# A pull comes late by a random part of this time (ours, not the machine's), so that it can fall on any instruction.
_PULL_S = 0.05
_CURRENT = owner.HOME / "current"
T = TypeVar("T")


class Cut(NamedTuple):
    """A power cut, and what was seen after it.

    after_s: how long the activity had run, in s of the machine's time.
    ended: whether the installation had ended by then.
    saves: number of confirmed saves.
    unsafe, kept: number of writes that were not flushed, and how many of them the disk keeps.
    versions: the number of the version that played before, and the number of the version that the disk has.
    ready_s: time in s from the kernel's start until READY, or a little more; 0 until the PC has booted again.
    """

    number: int
    activity: str
    after_s: float
    ended: bool
    saves: int
    unsafe: int
    kept: int
    versions: tuple[int, int]
    ready_s: float = 0.0

    def row(self) -> str:
        what = f"{self.activity}, cut after {self.after_s:.1f} s"
        what += ", when it had ended" if self.ended else ""
        disk = (f"{self.saves} saves confirmed; {self.unsafe} writes not flushed, {self.kept} kept; "
                f"version {self.versions[0]}, then {self.versions[1]}")  # fmt: skip
        return f"| {self.number} | {what} | {disk} | READY {self.ready_s:.0f} s after the kernel's start; heard |"


class Line:
    """Asks the machine's service as a `Link` does: OSError if it gives no answer."""

    def __init__(self, machine: Machine):
        self._machine = machine

    def ask(self, method: str, /, *, limit_s: float = 0.0, **params: object) -> Any:
        """Return the answer to a request; limit_s: ignored, because the machine's time goes slower than ours."""
        try:
            return self._machine.ask(method, **params)
        except AssertionError as error:
            raise OSError(str(error)) from error


class Plug:
    """Pulls the plug of an emulated PC over and over, and checks the PC.

    machine: the PC, which records the writes to its disk.
    whole: the digest of each file of an installed version, by the file's name.
    """

    def __init__(self, machine: Machine, whole: dict[str, bytes], chance: random.Random):
        self.machine, self._line = machine, Line(machine)
        self._whole, self._chance = whole, chance
        self._promises, self._version, self._confirmed = owner.Promises({}), 0, 0

    def boot(self) -> float:
        """Boot the PC, and wait until a note is heard; returns the time from the kernel's start until READY."""
        first, self._version = self._of_disk(lambda root: (owner.levels(root), owner.playing_version(root)))
        self._promises, self._confirmed = owner.Promises(first), 0
        self.machine.start(within_s=_HOST_PATIENCE_S)
        self.machine.wait_for_ready()
        ready_s = self.machine.now_s()  # Linux counts the machine's time from the kernel's start
        self._wait_for_card()
        ear = Ear(self.machine.sound)
        ear.listen()
        owner.listen(self._line, lambda: ear.listen() > LOUD)
        for name in (owner.MINE.stem, *first):  # not all sounds: there are some hundreds
            self._line.ask("sounds.read", name=name)
        assert self._installed() == self._version, "another version plays than the disk had"
        return ready_s

    def act(self, activity: str, after_s: float) -> bool:
        """Do one of ACTIVITIES until the plug is pulled.

        Installing and updating are done once; during them and after them, sounds are saved. Returns True if the
        activity was an installation or an update, and ended before the pull.

        after_s: when to pull the plug, in s of the machine's time from now.
        """
        words = words_of(activity, self._chance)
        running, ended = self.machine.begin(*words) if words else None, False
        puller = threading.Thread(target=self._pull, args=(after_s, self._chance.uniform(0.0, _PULL_S)))
        puller.start()
        with suppress(EndedError):
            while True:
                self._do_one(activity, tolerates=running is not None and not ended)
                if running is not None and not ended:
                    self.machine.rest(_BETWEEN_SAVES_S)
                    if running.is_there:
                        self.finish(running)
                        ended = True
        puller.join()
        return ended

    def finish(self, running: Answer) -> None:
        """Wait until an installation ends. It must succeed; then note that its version must survive any later cut."""
        answer = running.get(_HOST_PATIENCE_S)
        assert answer["status"] == 0, answer["text"]
        self._promises.updated(self._installed(), self._n_bytes())

    def check(self) -> tuple[int, int, int]:
        """Give the disk the content that the cut leaves on it, and check the disk.

        Returns the number of unflushed writes, how many of them the disk keeps, and the number of the version that will
        play.
        """
        n_bytes, log = self._n_bytes(), self.machine.log
        safe, unsafe = block_log.split_at_last_flush(block_log.read_writes(log))
        kept = block_log.what_remains(unsafe, self._chance)
        block_log.apply([*safe, *kept], log, self.machine.made.disk)
        return len(unsafe), len(kept), self._of_disk(lambda root: self._check_files(root, n_bytes))

    def _check_files(self, root: Path, n_bytes: int) -> int:
        owner.check_files(root, self._whole, self._promises, n_bytes, settings=SETTINGS_TEXT)
        return owner.playing_version(root)

    def cut(self, number: int, activity: str, after_s: float) -> Cut:
        before, ended = self._version, self.act(activity, after_s)
        unsafe, kept, version = self.check()
        assert version == before or words_of(activity, self._chance), f"{activity}: version {version} plays"
        return Cut(number, activity, after_s, ended, self._confirmed, unsafe, kept, (before, version))

    def _do_one(self, activity: str, *, tolerates: bool) -> None:
        """Play or save once; tolerates: whether the service may be gone."""
        try:
            if activity == "play":
                owner.play_on(self._line, self._chance)
            else:
                owner.save_on(self._promises, self._line, self._chance, self._n_bytes)
                self._confirmed += 1
        except EndedError:
            raise
        except OSError:
            assert tolerates, "the program is gone"

    def _pull(self, after_s: float, late_s: float) -> None:
        try:
            self.machine.rest(after_s, _HOST_PATIENCE_S)
            time.sleep(late_s)
        finally:
            self.machine.pull_plug()

    def _wait_for_card(self) -> None:
        self.machine.wait(lambda: self._line.ask("health")["audio"] != "null", "sound card", _HOST_PATIENCE_S)

    def _installed(self) -> int:
        status, said = self.machine.run("readlink", _CURRENT)
        assert status == 0, said
        return owner.version_number(Path(said.strip()))

    def _n_bytes(self) -> int:
        return self.machine.log.stat().st_size

    def _of_disk(self, check: Callable[[Path], T]) -> T:
        """Look at the disk with its file system mended; then undo the mending, which is left to the PC's next boot."""
        with mended(self.machine.made.disk):
            return check_image(self.machine.made.disk, check)


class Count:
    """The cuts so far, kept in a file in a folder.

    Property pending: whether the PC has not booted since the last cut.
    """

    def __init__(self, folder: Path):
        self._path = folder / "cuts.json"
        known = json.loads(self._path.read_text()) if self._path.exists() else []
        self.cuts = [Cut(**{**fields, "versions": tuple(fields["versions"])}) for fields in known]

    @property
    def pending(self) -> bool:
        return bool(self.cuts) and not self.cuts[-1].ready_s

    def add(self, cut: Cut) -> None:
        self.cuts.append(cut)
        self._keep()

    def booted(self, ready_s: float) -> Cut:
        """Note that the PC has booted after the last cut; returns this cut."""
        self.cuts[-1] = self.cuts[-1]._replace(ready_s=ready_s)
        self._keep()
        return self.cuts[-1]

    def _keep(self) -> None:
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps([cut._asdict() for cut in self.cuts], indent=1))
        beside.replace(self._path)


def table(cuts: list[Cut]) -> list[str]:
    """The lines of a table in Markdown, with a row for each activity: the number of its cuts, and what was seen.

    Only cuts after which the PC has booted count.
    """
    rows = ["| cut while | cuts | within it | READY after the kernel's start, at most | confirmed saves, all kept "
            "| writes not flushed | of them kept | played another version afterwards |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for activity in ACTIVITIES:
        some = [cut for cut in cuts if cut.activity == activity and cut.ready_s]
        if some:
            within = sum(not cut.ended for cut in some)
            changed = sum(cut.versions[0] != cut.versions[1] for cut in some)
            rows.append(f"| {activity} | {len(some)} | {within} | {max(cut.ready_s for cut in some):.0f} s "
                        f"| {sum(cut.saves for cut in some)} | {sum(cut.unsafe for cut in some)} "
                        f"| {sum(cut.kept for cut in some)} | {changed} |")  # fmt: skip
    return rows


def cut_often(plug: Plug, count: Count, n_cuts: int, chance: random.Random) -> None:
    """Cut the power until there are `n_cuts` cuts; boot after each. Then an installation and an update must succeed."""
    while True:
        began_s, ready_s = time.monotonic(), plug.boot()
        if count.pending:
            print(f"{count.booted(ready_s).row()} {time.monotonic() - began_s:.0f} s of ours", flush=True)
        if len(count.cuts) >= n_cuts:
            break
        activity = list(ACTIVITIES)[len(count.cuts) % len(ACTIVITIES)]
        count.add(plug.cut(len(count.cuts) + 1, activity, chance.uniform(0.2, LONGEST_S[activity])))
    for activity in ("install", "update"):
        plug.finish(plug.machine.begin(*words_of(activity, chance)))
    plug.machine.stop()
    print("afterwards `dpkg -i` and `update` succeed", flush=True)


def prepared(folder: Path) -> tuple[Machinery, dict[str, bytes]]:
    """The result of `pulled_plug.prepare`, made by the first call for a folder; later calls return what is there."""
    known = folder / "prepared.json"
    if not known.exists():
        made, whole = prepare(folder, SETTINGS_TEXT)
        paths = [str(path) for path in (made.kernel, made.initrd, made.disk)]
        digests = {name: digest.hex() for name, digest in whole.items()}
        known.write_text(json.dumps({"paths": paths, "digests": digests}))
    told = json.loads(known.read_text())
    masks = "".join(f" systemd.mask={name}.service" for name in _MASKED)
    made = Machinery(AMD64._replace(kernel_says=AMD64.kernel_says + masks), *map(Path, told["paths"]))
    return made, {name: bytes.fromhex(digest) for name, digest in told["digests"].items()}


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.soak.machine_cuts", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/timbrebox-machine-cuts"))
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    hide_mounts("tests.soak.machine_cuts")
    made, whole = prepared(arguments.folder)
    count = Count(arguments.folder)
    chance = random.Random(f"{arguments.seed}, {len(count.cuts)}")
    machine = Machine(made, arguments.folder / "run", arguments.folder / "run" / "writes")
    plug = Plug(machine, whole, chance)
    try:
        cut_often(plug, count, arguments.cuts, chance)
    finally:
        with suppress(OSError, AttributeError):
            machine.pull_plug()
        rows = [f"Run on {date.today():%d %B %Y}.\n", *table(count.cuts)]
        print("\n".join(rows), flush=True)
        if arguments.out:
            arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
