"""Runs the companion in its own process, whose standard input is a socket to the playing process."""

import os
import signal
import socket
import sys


def main() -> int:
    """Serve the playing process until it ends."""
    # Give up the real-time priority inherited from the playing process: this process must never delay the sound.
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    # A signal to the process group must not end this process before it has handled the playing process's last messages.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from runtime.companion.keeping import companion

    with socket.socket(fileno=os.dup(0)) as stream:
        companion(stream).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
