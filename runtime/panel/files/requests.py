"""Carries out what pages request in their section "Take it with you"."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
import yaml

from runtime.base.errors import UserError
from runtime.link.messages import LONGEST_LINE_BYTES, NoParams
from runtime.link.recording import Record
from runtime.panel.files.downloads import Downloads
from runtime.panel.files.recordings import Recordings
from runtime.panel.files.work import Ask, Work

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name


class _Numbered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate's number, from 0. A candidate is a sound that `encode` found for a recording."""

    number: int


class _Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    name: _Name


class _Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to download.

    suffix: for a recording, the suffix of the file to take, such as .wav.
    number: for a preview, its number, from 0.
    """

    what: Literal["recording", "piece", "sound", "preview"]
    name: str = ""
    suffix: str = ""
    number: int = 0


class _Make(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name
    minutes: Annotated[int, msgspec.Meta(ge=1, le=60)] | None = None


class Requests:
    """Carries out the requests of all pages, apart from `send` and `cancel`: these are about connections (`Files`).

    ask: sends a request to the playing process.
    tell: called when the recordings or `is_trying` may have changed.

    Attribute handlers: for each request's name, the type of its params, and the function that returns its answer.
    """

    def __init__(self, ask: Ask, tell: Callable[[], object], work: Work, recordings: Recordings, downloads: Downloads):
        self._ask, self._tell = ask, tell
        self._work, self._recordings, self._downloads = work, recordings, downloads
        # The sound that played before the first candidate: its tree, and the folder of the files that the tree names.
        self._before: tuple[dict[str, Any], str | None] | None = None
        self.handlers: dict[str, tuple[type, Callable[[Any], Awaitable[object]]]] = {
            "recordings": (NoParams, self._list),
            "recordings.delete": (_Named, self._delete),
            "recordings.undo": (NoParams, self._undo),
            "record": (Record, self._record),
            "take": (_Take, self._take),
            "hear": (_Numbered, self._hear),
            "back": (NoParams, self._back),
            "keep": (_Keep, self._keep),
            "make": (_Make, self._make),
            "forget": (NoParams, self._forget),
        }

    @property
    def is_trying(self) -> bool:
        """Whether a candidate is heard in place of the sound that played before."""
        return self._before is not None

    async def _list(self, _params: NoParams) -> object:
        return self._recordings.rows()

    async def _delete(self, params: _Named) -> object:
        self._recordings.delete(params.name)
        self._tell()
        return {}

    async def _undo(self, _params: NoParams) -> object:
        name = self._recordings.undo()
        self._tell()
        return {"name": name}

    async def _record(self, params: Record) -> object:
        asked = {"do": "stop"} if params.do == "stop" else msgspec.to_builtins(params)
        facts = await self._ask("record", asked)
        self._tell()
        return {"duration_s": facts.get("duration_s", 0.0), "problem": facts.get("problem")}

    async def _take(self, params: _Take) -> object:
        downloads = self._downloads
        if params.what == "piece":
            path, name = self._work.piece()
            return {"path": downloads.offer(path, name)}
        if params.what == "preview":
            path = self._work.making.preview(params.number)
            return {"path": downloads.offer(path, path.name)}
        if params.what == "recording":
            path = self._recordings.path(params.name, params.suffix)
            return {"path": downloads.offer(path, path.name)}
        tree = (await self._ask("sounds.read", {"name": params.name}))["tree"]
        if _has_files(tree):
            path, suffix = await self._work.packed(params.name), ".timbrebox"
        else:
            path = self._work.text_file(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
            suffix = ".yaml"
        return {"path": downloads.offer(path, params.name + suffix, lambda: path.unlink(missing_ok=True))}

    async def _hear(self, params: _Numbered) -> object:
        """Play a candidate. Before the first candidate, remember the sound that plays, for `_back`."""
        tree = self._work.candidate(params.number)
        if len(msgspec.json.encode(tree)) > LONGEST_LINE_BYTES - 2**10:
            raise UserError("candidate", "a very long sound", "one that can be tried", "keep it, then choose it")
        if self._before is None:
            state = (await self._ask("present", {}))["state"]
            if state["sound"].get("parts"):
                raise UserError("candidate", "a sound with parts that plays", "one without", "choose another sound")
            self._before = state["sound"], state["folder"]
        played = await self._ask("sound", {"tree": tree})
        self._tell()
        return played

    async def _back(self, _params: NoParams) -> object:
        if self._before is None:
            raise UserError("back", "no sound before", "a candidate that was heard", "hear one")
        (tree, folder), self._before = self._before, None
        self._tell()
        return await self._ask("sound", {"tree": tree, "folder": folder})

    async def _keep(self, params: _Keep) -> object:
        name = await self._work.keep(params.number, params.name)
        with contextlib.suppress(UserError):
            await self._ask("sound", {"name": name})
        self._before = None
        self._tell()
        return {"name": name}

    async def _make(self, params: _Make) -> object:
        await self._work.make(params.name, params.minutes)
        return {}

    async def _forget(self, _params: NoParams) -> object:
        self._work.forget_taught()
        return {}


def _has_files(tree: dict[str, Any]) -> bool:
    uses = tree.get("trajectory") or []
    return any("file" in use for use in ([uses] if isinstance(uses, dict) else uses))
