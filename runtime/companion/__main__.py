"""The companion's process: python -m runtime.companion, whose standard input is a socket to the playing process."""

import os
import signal
import socket
import sys


def main() -> int:
    """Work for the playing process until it has gone."""
    # The playing process has a real-time priority, which a child inherits; this one must never be in the way of sound.
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    # A signal for the whole group must not end this process before it has kept what the playing process sends at last.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from runtime.companion.keeping import companion

    with socket.socket(fileno=os.dup(0)) as stream:
        companion(stream).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
