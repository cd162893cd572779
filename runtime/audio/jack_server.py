"""Notices that the JACK server has died."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from runtime.base.quiet import quiet_stderr


class JackServer:
    """A JACK client that plays nothing. It calls `wake`, on JACK's thread, when the server has gone.

    It is needed because PortAudio's callback does not learn that a server was killed.

    has_gone: whether the server has gone; always False if there was no server or if the JACK library is missing.
    """

    def __init__(self, wake: Callable[[], object]):
        self.has_gone, self._wake = False, wake
        self._client = None
        with contextlib.suppress(ImportError, OSError, AttributeError):  # libjack is missing or very old
            import jack

            with contextlib.suppress(jack.JackError), quiet_stderr():
                self._client = jack.Client("timbrebox watch", no_start_server=True)
                self._client.set_shutdown_callback(self._gone)

    def _gone(self, _status: object, _reason: str) -> None:
        self.has_gone = True
        self._wake()

    def close(self) -> None:
        """Disconnect from the server."""
        if self._client is not None and not self.has_gone:
            with quiet_stderr():
                self._client.close()
        self._client = None
