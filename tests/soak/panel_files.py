"""Sends random messages and parts of files to the page's process of a real `play`: python -m tests.soak.panel_files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import sys
import threading
import time
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.soak.panel import garbage
from tests.support.panel import Playing
from tests.support.rig import wait_until

MOST_MEMORY_KB = 60_000
_MESSAGES_A_CONNECTION = 50
_METHODS = (
    "send", "cancel", "recordings", "recordings.delete", "recordings.undo", "record", "take", "hear", "back", "keep",
    "make", "forget", "present", "x",
)  # fmt: skip
_PARAMS = (
    {}, [], None, {"name": "../x"}, {"name": "\u0000"}, {"kind": "midi", "name": "a", "bytes": 40},
    {"kind": "recording", "name": "../../a.wav", "bytes": 30_000}, {"kind": "sound", "name": "a.yaml", "bytes": 20},
    {"kind": "taught", "name": "/etc/passwd.wav", "bytes": 9}, {"kind": "midi", "name": "a", "bytes": 10**12},
    {"do": "start"}, {"do": "stop"}, {"what": "recording", "name": "..", "suffix": "/x"}, {"what": "piece"},
    {"what": "sound", "name": "x"}, {"number": 0}, {"number": 10**9, "name": "x"}, {"name": "x", "minutes": 0},
)  # fmt: skip


def send(playing: Playing, n_messages: int, seed: int) -> None:
    generator = random.Random(seed)
    while n_messages > 0:
        address = f"ws://127.0.0.1:{playing.port}/files"
        with contextlib.suppress(WebSocketException, OSError), connect(address) as socket:
            reader = threading.Thread(target=_read, args=(socket,), daemon=True)
            reader.start()
            for _ in range(_MESSAGES_A_CONNECTION):
                socket.send(_message(generator))
                n_messages -= 1
        if generator.random() < 0.2:
            playing.get(f"/take/{generator.randbytes(generator.randrange(40)).hex()}")
        n_messages -= 1


def _message(generator: random.Random) -> str | bytes:
    kind = generator.randrange(8)
    if kind == 0:
        return garbage(generator)
    if kind < 3:
        return generator.randbytes(generator.choice((1, 20, 40, 9000, 15_360, 16_384)))
    return json.dumps({"method": generator.choice(_METHODS), "params": generator.choice(_PARAMS), "id": 1})


def _read(socket: ClientConnection) -> None:
    with contextlib.suppress(WebSocketException):
        while True:
            socket.recv()


def main(arguments: list[str] | None = None) -> int:
    """Run the test.

    AssertionError if the page's process restarts, grows too large, does not end its work, or writes wrong files.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    begin_s = time.monotonic()
    with Playing(["--audio", "null", "--instrument", "strings"], dict(os.environ)) as playing:
        with playing.page():
            panel = playing.panel_process()
        senders = [
            threading.Thread(target=send, args=(playing, options.messages // 3, options.seed + k)) for k in range(3)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert playing.panel_process() == panel
        wait_until(lambda: not Path(f"/proc/{panel}/task/{panel}/children").read_text(), "the end of the work")
        memory_kb = int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{panel}/status").read_text())[1])
        assert memory_kb < MOST_MEMORY_KB, memory_kb
        assert playing.stop() == 0
        home = Path(playing.env["HOME"])
        left = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
        expected = r"data/timbrebox/(\.lock|recordings/[^/]+)|state/timbrebox/[a-z.]+\.(json|crash|log)|run/.*"
        assert [path for path in left if not re.fullmatch(expected, path)] == [], left
        assert playing.errors == "", playing.errors
    print(f"{options.messages} messages in {time.monotonic() - begin_s:.0f} s, {memory_kb / 1000:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
