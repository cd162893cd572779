"""What the instrument tells systemd: that it plays, how it fares, and that it is alive."""

from __future__ import annotations

import os
import socket


def notify(**news: object) -> bool:
    """Tell systemd, for example `notify(READY=1, STATUS="plays")`; False where no systemd listens. Never waits.

    Source: sd_notify(3): datagrams of NAME=value lines to $NOTIFY_SOCKET, whose leading @ means an abstract address.
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
        return False  # a systemd that is busy or gone must never stop the music
    return True
