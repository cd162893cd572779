"""Hands a received update over to the service that installs it, and tells pages how the update goes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.user_folders import state_folder
from runtime.panel.files.uploads import Announced
from runtime.panel.limits import Allowance
from runtime.service.places import ARRIVED, ROOT, SIGNERS, STATE, UNITS, UPDATE, UPDATE_NEWS
from runtime.service.updating.news import read_news
from runtime.service.versions import version_of

_LOOK_S = 0.5
_LONGEST_WAIT_S = 15.0  # if an update waits longer, the installing service seems not to run
# Updates per second on average, and the most updates at once after a pause. Together they allow at most 15 updates in
# 10 minutes. systemd allows more: it starts timbrebox-update.service up to 20 times in 10 minutes.
_RATE, _BURST = 1.0 / 60.0, 5.0


class Updates:
    """The newest received update.

    changed: called when `facts` has changed.
    """

    def __init__(self, changed: Callable[[], object]):
        self._changed = changed
        self._looks: asyncio.Task[None] | None = None
        self._allowance = Allowance(_RATE, _BURST)

    @property
    def facts(self) -> dict[str, object] | None:
        """The present version, and the state of the newest update; None where the page takes no updates.

        `state` has one of these values:
        "": there is no update.
        `waiting`: the installing service has not taken the update yet.
        `stuck`: the update has waited too long.
        a state of `News`: the service has taken the update.
        """
        if not _is_offered():
            return None
        waits_s = _waits_s()
        if waits_s is None:
            news = read_news(UPDATE_NEWS)
            told = {name: getattr(news, name, "") for name in ("state", "why", "line", "signer", "version")}
        else:
            told = {"state": "waiting" if waits_s < _LONGEST_WAIT_S else "stuck"}
        return {"present": version_of(ROOT)} | told

    def watch(self) -> None:
        """Begin to call `changed` at each change of `facts`; this goes on until the update has ended or is stuck."""
        if self._looks is None or self._looks.done():
            self._looks = asyncio.create_task(self._look())

    def refuse(self, announced: Announced) -> None:
        """UserError if no update may be sent to this page now; if one may, count it for the rate limit."""
        if not _is_offered():
            remedy = "type on the machine: sudo timbrebox service trust KEY.pub"
            raise UserError(announced.name, "a page that takes no updates", "one that does", remedy)
        if _goes_on():
            raise UserError(announced.name, "another update under way", "one at a time", "wait for its end")
        if (wait_s := self._allowance.try_take()) > 0.0:
            raise UserError(announced.name, "many updates", "one a minute", f"try again in {wait_s:.0f} s")

    def hand_over(self, path: Path) -> None:
        """Move a received file to the place where the installing service looks; UserError if that fails."""
        arrived = state_folder() / ARRIVED
        try:
            # The installing service runs as root, but without root's power to ignore permissions. It is in this
            # folder's group. So the group gets the permission to write here.
            arrived.parent.mkdir(exist_ok=True)
            arrived.parent.chmod(0o770)
            path.chmod(0o640)
            path.replace(arrived)
        except OSError as error:
            remedy = f"remove {arrived.parent}"
            raise UserError(arrived, error.strerror or str(error), "a folder that can be written", remedy) from None
        self.watch()

    def close(self) -> None:
        if self._looks is not None:
            self._looks.cancel()

    async def _look(self) -> None:
        before = None
        while True:
            facts = self.facts
            if facts != before:
                before = facts
                self._changed()
            if not _goes_on():
                return
            await asyncio.sleep(_LOOK_S)


def _is_offered() -> bool:
    """Whether updates can be sent: the owner trusts a signer, and systemd watches this program's folder for updates."""
    return state_folder() == STATE and os.access(SIGNERS, os.R_OK) and (UNITS / f"{UPDATE}.path").exists()


def _waits_s() -> float | None:
    try:
        return max(0.0, time.time() - os.lstat(state_folder() / ARRIVED).st_ctime)
    except OSError:
        return None


def _goes_on() -> bool:
    waits_s, news = _waits_s(), read_news(UPDATE_NEWS)
    return (news is not None and news.goes_on) if waits_s is None else waits_s < _LONGEST_WAIT_S
