"""Lends the last seconds of the output to a page, if `play` did not start the page's process itself."""

from __future__ import annotations

import os

from runtime.base.errors import UserError
from runtime.link.messages import NoParams
from runtime.link.server import LATER, Caller, Server


class LentRing:
    """Answers the request `ring`: lends the memory of a SoundRing, for reading only.

    descriptor: the SoundRing's.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def add_requests(self, server: Server) -> None:
        """Let a server answer `ring`."""
        server.add("ring", NoParams, self._lend)

    def _lend(self, _params: NoParams, caller: Caller) -> object:
        try:
            # The memory is opened again, read-only: the ring's own descriptor would allow writing.
            lent = os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UserError("ring", str(error), "memory that can be lent", "start the page from play") from None
        try:
            caller.answer_with({}, lent)
        finally:
            os.close(lent)
        return LATER
