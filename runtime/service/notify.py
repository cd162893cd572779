"""Sends notices to systemd."""

from __future__ import annotations

import os
import socket


def is_service() -> bool:
    """Whether systemd or a similar program started this process, and waits for its notices.

    If so, no user sits at a terminal.
    """
    return bool(os.environ.get("NOTIFY_SOCKET"))


def notify(**news: object) -> bool:
    """Send a notice, for example `notify(READY=1, STATUS="plays")`; False if no systemd receives it. Never waits.

    A notice is a datagram of NAME=value lines, sent to the socket named in $NOTIFY_SOCKET. A name that begins with @ is
    an abstract address of Linux, not a file. Source: the manual page sd_notify(3).
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    lines = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in news.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(lines.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
    except OSError:
        return False  # a busy or missing systemd must not stop the music
    return True
