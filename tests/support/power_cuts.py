"""Simulates power cuts on a simulated disk.

First, a program that saves sounds runs once, and its system calls are recorded. For each cut, the recorded calls up to
a random one are repeated on the simulated disk.

What a cut leaves is chosen at random within what POSIX allows. A file that was not flushed by fsync contains its old
content or a part of the new content: nothing, half or all. Of a folder's changes since its last fsync, the first few
remain.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from runtime.companion.sounds.trash import newest_first
from runtime.companion.state import read_state
from runtime.sound.own import user_sounds
from tests.support.places import ROOT
from tests.support.rig import home_of_its_own

_CALLS = "openat,open,write,fsync,fdatasync,rename,unlink,unlinkat,rmdir,mkdir,ftruncate,close"
_LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
CONFIRMED = b"confirmed\n"

# Each step of the program, and the `level_db` of each sound after that step. The program ends each step by saving the
# state. The state's own `level_db` only counts the steps: 0 after the first, -1 after the second, and so on.
STEPS: tuple[tuple[str, dict[str, float]], ...] = (
    ("save('a', Sound(level_db=-1.0), None)", {"a": -1.0}),
    ("save('a', Sound(level_db=-2.0), None)", {"a": -2.0}),
    ("copy('a', 'b')", {"a": -2.0, "b": -2.0}),
    ("rename('a', 'c')", {"b": -2.0, "c": -2.0}),
    ("delete('b')", {"c": -2.0}),
    ("undo()", {"b": -2.0, "c": -2.0}),
    ("save('c', Sound(level_db=-3.0), None)", {"b": -2.0, "c": -3.0}),
    ("undo()", {"b": -2.0, "c": -2.0}),
)
_PROGRAM = f"""
import os
from runtime.companion.sounds.operations import *
from runtime.companion.state import State, write_state
for number, step in enumerate({[step for step, _ in STEPS]}):
    eval(step)
    write_state(State("tiny", "", {{"level_db": -float(number)}}, None, {{str(k): 0.5 for k in range(500)}}))
    os.write(1, {CONFIRMED})
"""


class Call(NamedTuple):
    """A system call that succeeded.

    words: the arguments that are strings.
    rest: all arguments, as strace wrote them.
    result: the value that the call returned.
    """

    name: str
    words: list[bytes]
    rest: str
    result: int


def record(home: Path) -> list[Call]:
    calls = home.with_name("calls")
    env = os.environ | home_of_its_own(home) | {"PYTHONDONTWRITEBYTECODE": "1"}
    strace = ["strace", "-o", calls, "-xx", "-s", "1000000", "-e", f"trace={_CALLS}", "-e", "signal=none"]
    subprocess.run([*strace, sys.executable, "-c", _PROGRAM], cwd=ROOT, env=env, check=True, capture_output=True)
    return read_calls(calls)


def read_calls(calls: Path) -> list[Call]:
    """The system calls that succeeded, from the file that `strace -xx` wrote."""
    found = []
    for line in calls.read_text().splitlines():
        match = _LINE.match(line)
        if match and int(match[3]) >= 0:
            words = [bytes.fromhex(word.replace("\\x", "")) for word in _STRING.findall(match[2])]
            found.append(Call(match[1], words, match[2], int(match[3])))
    return found


class File:
    """A file on the simulated disk.

    content: what the program reads.
    durable: the content at the latest fsync.
    """

    def __init__(self) -> None:
        self.content = self.durable = b""


class Folder:
    """A folder on the simulated disk.

    entries: what the program sees in it.
    durable: the entries at the latest fsync.
    changes: the changes since the latest fsync, in order. A change gives the new entry for each changed name, None if
    the entry is removed. A rename is one change of two names.
    """

    def __init__(self) -> None:
        self.entries: dict[str, File | Folder] = {}
        self.durable: dict[str, File | Folder] = {}
        self.changes: list[dict[str, File | Folder | None]] = []


class Disk:
    """A disk that loses unflushed changes.

    n_confirmed: how many steps the program has confirmed.
    """

    def __init__(self, home: Path):
        self._home, self._root = home, Folder()
        self._open: dict[int, File | Folder] = {}
        self.n_confirmed = 0

    def happen(self, call: Call) -> None:
        number = int(re.match(r"\d+", call.rest)[0]) if re.match(r"\d+", call.rest) else -1
        if call.name == "write" and number == 1:
            self.n_confirmed += call.words == [CONFIRMED]
        elif call.name in ("open", "openat"):
            self._open_file(call)
        elif call.name == "write" and isinstance(self._open.get(number), File):
            self._open[number].content += call.words[0]
        elif call.name in ("fsync", "fdatasync"):
            self._flush(self._open.get(number))
        elif call.name == "close":
            self._open.pop(number, None)
        elif call.name == "mkdir" and (place := self._place(call.words[0])):
            self._change(place[0], {place[1]: Folder()})
        elif call.name in ("unlink", "rmdir") and (place := self._place(call.words[0])):
            self._change(place[0], {place[1]: None})
        elif call.name == "rename" and (place := self._place(call.words[0])):
            folder, name = place
            _, new = self._place(call.words[1])
            self._change(folder, {name: None, new: folder.entries[name]})

    def write_what_is_left(self, target: Path, chance: random.Random) -> None:
        """Write into the real folder `target` what remains on this disk after a power cut."""
        self._write_folder(self._root, target, chance)

    def _write_folder(self, folder: Folder, target: Path, chance: random.Random) -> None:
        target.mkdir(parents=True, exist_ok=True)
        entries = dict(folder.durable)
        for change in folder.changes[: chance.randint(0, len(folder.changes))]:
            entries |= change
        for name, entry in entries.items():
            if entry is not None:
                self._write_entry(entry, target / name, chance)

    def _write_entry(self, entry: File | Folder, target: Path, chance: random.Random) -> None:
        if isinstance(entry, Folder):
            self._write_folder(entry, target, chance)
        else:
            unsafe = entry.content[: chance.choice((0, len(entry.content) // 2, len(entry.content)))]
            whole = entry.content == entry.durable
            target.write_bytes(entry.durable if whole or chance.random() < 0.3 else unsafe)

    def _open_file(self, call: Call) -> None:
        place = self._place(call.words[0]) if call.words else None
        if place is None:
            self._open.pop(call.result, None)
            return
        folder, name = place
        if name not in folder.entries and "O_CREAT" in call.rest:
            self._change(folder, {name: File()})
        self._open[call.result] = folder.entries[name] if name else folder

    def _place(self, path: bytes) -> tuple[Folder, str] | None:
        """The folder and the name of a path inside the home; None for any other path. The home has the name ""."""
        text = os.fsdecode(path)
        if text != str(self._home) and not text.startswith(f"{self._home}/"):
            return None
        *above, name = Path(text).relative_to(self._home).parts or ("",)
        folder = self._root
        for part in above:
            folder = folder.entries[part]
        return folder, name

    def _change(self, folder: Folder, change: dict[str, File | Folder | None]) -> None:
        folder.changes.append(change)
        folder.entries = {name: entry for name, entry in (folder.entries | change).items() if entry is not None}

    def _flush(self, entry: File | Folder | None) -> None:
        if isinstance(entry, File):
            entry.durable = entry.content
        elif isinstance(entry, Folder):
            entry.durable, entry.changes = dict(entry.entries), []


def run_cuts(n_cuts: int, folder: Path, seed: int = 0) -> dict[str, int]:
    """Cut the power `n_cuts` times, and check the files that remain (see `_look`); AssertionError if a check fails.

    folder: an empty folder.
    Returns the numbers of cuts, of system calls, and of half-written files.
    """
    home, chance, n_torn = folder / "home", random.Random(seed), 0
    home.mkdir()
    calls = record(home)
    first = next(number for number, call in enumerate(calls) if call.name == "mkdir")
    for number in range(n_cuts):
        disk, left = Disk(home), folder / f"left-{number}"
        for call in calls[: chance.randint(first, len(calls))]:
            disk.happen(call)
        disk.write_what_is_left(left, chance)
        n_torn += _look(left, disk.n_confirmed)
        shutil.rmtree(left)
    return {"cuts": n_cuts, "system calls": len(calls) - first, "half-written files left": n_torn}


def _look(left: Path, n_confirmed: int) -> int:
    """Read the files that a cut left, with the program's own code; returns how many are half-written.

    The files must be as after step n_confirmed or as after the next step.
    """
    before = dict(os.environ)
    os.environ.update(home_of_its_own(left))
    try:
        state = read_state()
        sounds = {name: known.read().level_db for name, known in user_sounds().items()}
        entries = [kept.entry for kept in newest_first()]
    finally:
        os.environ.clear()
        os.environ.update(before)
    n_entries, trashed = len(entries), any(entry.did == "delete" for entry in entries)
    n_states = 0 if state is None else 1 - round(state.sound["level_db"])
    assert n_confirmed <= n_states <= n_confirmed + 1, (n_confirmed, n_states)
    possible = [{}, *(after for _, after in STEPS)][n_confirmed : n_confirmed + 2]
    assert sounds in possible, (n_confirmed, sounds, possible)
    # The trash gets an entry when the second step replaces a sound, and another when the fourth step renames one. After
    # the third step there is a sound `b`, in the folder or the trash.
    assert n_entries >= (0, 0, 1, 1, 2, 2, 2, 2, 2)[n_confirmed], (n_confirmed, n_entries)
    assert n_confirmed < 3 or "b" in sounds or trashed, n_confirmed
    return sum(1 for _ in left.rglob(".*.part"))
