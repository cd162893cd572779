"""The socket on which the page is served: on this machine only."""

from __future__ import annotations

import socket

from runtime.base.errors import UserError

HOST = "127.0.0.1"
DEFAULT_PORT = 8246
_BACKLOG = 64
_UNSENT_BYTES = 128 * 2**10  # of the system's own, for each connection; without a limit it would keep some megabytes


def listen(port: int | None) -> socket.socket:
    """A socket that listens on a port of this machine.

    port: None: DEFAULT_PORT, or else a free one. UserError if the port that was asked for cannot be had.
    """
    try:
        return _listening(DEFAULT_PORT if port is None else port)
    except OSError as error:
        if port is not None:
            remedy = "close the program that has it, or choose another port"
            raise UserError("--panel-port", f"{port} ({error.strerror})", "a free port", remedy) from None
    try:
        return _listening(0)
    except OSError as error:
        raise UserError("the page", str(error), "a free port on this machine", "play with --no-panel") from None


def url_of(listener: socket.socket) -> str:
    """The address of the page, for a browser on this machine."""
    return f"http://{HOST}:{listener.getsockname()[1]}/"


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
