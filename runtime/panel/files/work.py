"""Works on a browser's files, one at a time: renders, encodes or imports a file, or makes an instrument."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from runtime.base.checked_yaml import load_yaml
from runtime.base.errors import UserError
from runtime.base.files import read_json
from runtime.base.user_folders import data_folder, state_folder
from runtime.panel.files.child import Said, run_command
from runtime.panel.files.folders import PassingFolder
from runtime.panel.files.limits import LONGEST_WORK_S, MOST_MINUTES
from runtime.panel.files.making import Making
from runtime.panel.files.updates import Updates
from runtime.panel.files.uploads import Announced, Upload

Ask = Callable[[str, dict[str, object]], Awaitable[Any]]
_PIECE = "piece.wav"
# A candidate's name is at most this many characters of its recording's name, then a number. No sound's name may have
# more than 100 characters.
_LONGEST_SHOWN = 90


class Work:
    """The current work and its results, shared by all pages.

    ask: sends a request to the playing process.
    changed: called when `facts` has changed.
    """

    def __init__(self, ask: Ask, changed: Callable[[], object]):
        self._ask, self._changed = ask, changed
        self._folder: PassingFolder | None = None
        self._n_files = 0
        self._task: asyncio.Task[None] | None = None
        self._now: dict[str, object] | None = None
        self._failed: dict[str, object] | None = None
        self._piece: dict[str, object] | None = None
        self._found: dict[str, Any] | None = None
        self._taken: dict[str, object] | None = None
        self.making = Making(self._new_folder)
        self.updates = Updates(changed)
        self._one_at_a_time = asyncio.Lock()
        with contextlib.suppress(UserError):  # if the folder cannot be made now, `_opened` tries again later
            self._opened()

    @property
    def facts(self) -> dict[str, object]:
        """What pages show of the current work and its results."""
        found = self._found and {key: self._found[key] for key in ("name", "candidates", "remarks")}
        results = {"piece": self._piece, "found": found, "taken": self._taken} | self.making.facts
        return {"now": self._now, "failed": self._failed, "update": self.updates.facts} | results

    def begin(self, announced: Announced) -> Upload:
        """Start to receive a file; UserError if other work is under way, or the file is refused."""
        if self._now is not None:
            found = f"{self._now['name']}, on which it works"
            raise UserError(announced.name, found, "one file at a time", "wait for its end, or cancel it")
        if announced.kind == "taught":
            self.making.refuse(announced)
        if announced.kind == "update":
            self.updates.refuse(announced)
        upload = Upload(announced, self._new_path())
        self._failed = self._taken = None
        self._now = {"kind": announced.kind, "name": announced.name, "is_coming": True, "share": 0.0, "left_s": None}
        self._changed()
        return upload

    def came_in(self, announced: Announced, upload: Upload) -> None:
        """Use a received file.

        A recording for an instrument is added to the others, and an update is handed over. Work on any other file
        begins.
        """
        if announced.kind in ("taught", "update"):
            self._pass_on(announced, upload.path)
            self._now = None
            self._changed()
            return
        self._now = self._now | {"is_coming": False, "share": None}
        self._changed()
        self._task = asyncio.create_task(self._guarded(announced.kind, self._do(announced, upload.path)))

    def _pass_on(self, announced: Announced, path: Path) -> None:
        try:
            if announced.kind == "taught":
                self.making.add(announced, path)
            else:
                self.updates.hand_over(path)
        except UserError as error:
            path.unlink(missing_ok=True)
            self._failed = {"kind": announced.kind, "line": str(error)}

    async def make(self, name: str, minutes: int | None) -> None:
        """Start to make an instrument from the received recordings."""
        known = await self._ask("instruments", {})
        if self._now is not None:
            raise UserError(name, f"{self._now['name']}, on which it works", "one thing at a time", "wait for its end")
        arguments = self.making.begin(name, known, minutes)
        self._failed = self._taken = None
        self._now = {"kind": "make", "name": name, "is_coming": False, "share": None, "left_s": None}
        self._changed()
        self._task = asyncio.create_task(self._guarded("make", self._make(name, arguments)))

    def forget_taught(self) -> None:
        """Delete the recordings for an instrument, unless work is under way."""
        if self._now is None:
            self.making.forget()
            self._changed()

    async def _make(self, name: str, arguments: list[str]) -> None:
        def heard(line: str) -> None:
            if self.making.heard(line):
                self._changed()

        options = {"program": self.making.program, "on_line": heard}
        names = {self.making.folder: "recordings"}
        limit_s = LONGEST_WORK_S["make"]
        await run_command(arguments, limit_s, self._progressed, names, self._opened(), **options)
        self.making.is_made(name)

    def broke_off(self, upload: Upload, error: UserError | None = None) -> None:
        """Discard an unfinished upload.

        error: why the file was refused; None if the user cancelled the upload, or the browser has gone.
        """
        upload.path.unlink(missing_ok=True)
        if error is not None:
            self._failed = {"kind": self._now["kind"], "line": str(error)}
        self._now = None
        self._changed()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def piece(self) -> tuple[Path, str]:
        """The path and the name of the rendered piece; UserError if there is none."""
        if self._piece is None:
            raise UserError("piece", "none", "a piece that was rendered", "drop a MIDI file")
        return self._opened() / _PIECE, str(self._piece["name"])

    def candidate(self, number: int) -> dict[str, Any]:
        """The content of a sound's file for a candidate; UserError if no candidate has this number."""
        tree = load_yaml(self._candidate_file(number), dict[str, Any])
        name = "".join(character for character in self._found["name"] if character.isprintable())
        return tree | {"name": f"{name[:_LONGEST_SHOWN].strip() or 'recording'}, {number + 1}"}

    async def keep(self, number: int, name: str) -> str:
        """Save a candidate as a user's sound; return the sound's name."""
        return await self._take_in(self._candidate_file(number), name, "sound")

    async def packed(self, name: str) -> Path:
        """Write a user's sound to a single file that can be sent; the caller removes the file."""
        path = self._new_path()
        async with self._one_at_a_time:
            await self._run(["presets", "export", "--", name, str(path)], "export", {path: name})
        return path

    def text_file(self, content: str) -> Path:
        """Write a text to a new file; the caller removes the file. UserError if the text cannot be written."""
        path = self._new_path()
        try:
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            remedy = "free some space on this machine"
            raise UserError("download", error.strerror or str(error), "room for it", remedy) from None
        return path

    def close(self) -> None:
        """End the work, and remove all temporary files."""
        self.cancel()
        self.updates.close()
        if self._folder is not None:
            self._folder.close()

    async def _do(self, announced: Announced, path: Path) -> None:
        does = {"midi": self._render, "recording": self._encode, "sound": self._import}[announced.kind]
        try:
            await does(announced.name, path)
        finally:
            path.unlink(missing_ok=True)

    async def _guarded(self, kind: str, work: Coroutine[Any, Any, None]) -> None:
        """Await some work; if the work fails, store the reason, so that pages can show it."""
        try:
            await work
        except UserError as error:
            self._failed = {"kind": kind, "line": str(error)}
        except asyncio.CancelledError:
            self._failed = None
        except Exception as error:  # a bug ends this work, but not the page
            self._failed = {"kind": kind, "line": f"{type(error).__name__}: {error}"}
        finally:
            self._now = self._task = None
            self._changed()

    async def _render(self, name: str, path: Path) -> None:
        out = self._opened() / _PIECE
        options = ["--now", f"--most-minutes={MOST_MINUTES}"]
        said = await self._run(["render", str(path), str(out), *options], "midi", {out: _stem(name), path: name})
        self._piece = {"name": f"{_stem(name)}.wav", "bytes": out.stat().st_size, "remarks": said.remarks}

    async def _encode(self, name: str, path: Path) -> None:
        instrument = (await self._ask("state", {}))["instrument"]
        out = self._new_path().with_suffix(".yaml")
        table = out.with_suffix(".json")
        options = ["--instrument", instrument["file"], "--out", str(out), "--json", str(table)]
        said = await self._run(["encode", str(path), *options], "recording", {path: name, out: name})
        rows = read_json(table)["candidates"]
        shown = ("kind", "note", "cents", "is_single_note", "distance_db", "nearest_trained", "nearest_trained_db")
        table.unlink()
        for old in self._found["files"] if self._found else []:
            old.unlink(missing_ok=True)
        self._found = {
            "name": _stem(name),
            "candidates": [{key: row[key] for key in shown} for row in rows],
            "remarks": said.remarks,
            "files": [Path(row["file"]) for row in rows],
        }

    async def _import(self, name: str, path: Path) -> None:
        self._taken = {"name": await self._take_in(path, _stem(name), "sound", name)}

    async def _take_in(self, path: Path, name: str, kind: str, shown: str | None = None) -> str:
        """Import a sound's file with the checks for strangers' files; return the name that the sound gets.

        name: the wanted name.
        shown: the file's name in messages; None means that messages show `name`.
        """
        async with self._one_at_a_time:
            said = await self._run(["presets", "import", str(path), f"--name={name}"], kind, {path: shown or name})
        return said.lines[0].split(f": {data_folder() / 'sounds'}")[0] if said.lines else name

    async def _run(self, arguments: list[str], kind: str, names: dict[Path, str]) -> Said:
        return await run_command(arguments, LONGEST_WORK_S[kind], self._progressed, names, self._opened())

    def _progressed(self, step: str, share: float, left_s: float | None) -> None:
        if self._now is not None:
            self._now = self._now | {"step": step, "share": share, "left_s": left_s}
            self._changed()

    def _candidate_file(self, number: int) -> Path:
        files = self._found["files"] if self._found else []
        if not 0 <= number < len(files):
            raise UserError("candidate", str(number), "one of the list", "drop the recording again")
        return files[number]

    def _new_path(self) -> Path:
        self._n_files += 1
        return self._opened() / f"file-{self._n_files}"

    def _new_folder(self) -> Path:
        path = self._new_path()
        path.mkdir(mode=0o700)
        return path

    def _opened(self) -> Path:
        if self._folder is None:
            self._folder = PassingFolder(state_folder() / "page")
        return self._folder.path


def _stem(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name
