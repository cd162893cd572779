"""Sends random messages and requests to the page of a real play: python -m tests.soak.panel --messages 100000."""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import sys
import threading
import time

from websockets.exceptions import WebSocketException

from tests.support.panel import Page, Playing

_METHODS = (
    "note", "moves", "move", "sound", "save", "sounds.list", "sounds.delete", "sounds.rename", "watch", "state",
    "action", "targets", "learn", "unlearn", "devices", "x", 7, None,
)  # fmt: skip
_PARAMS = (
    None, -1, 1e400, "💥", "a" * 300, [], {"note": 60}, {"note": 60, "velocity": 90}, {"note": 999},
    {"name": "../../x"}, {"positions": {"pan": 9}}, {"positions": {"pan": 0.2}}, {"target": "width", "position": 0.5},
    {"name": "panic"}, True,
)  # fmt: skip
_REQUESTS = (
    b"GET / HTTP/1.1\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\n",
    b"POST /ws HTTP/1.1\r\n",
    b"GET /ws HTTP/1.1\r\n",
)


def garbage(generator: random.Random) -> str | bytes:
    """A message that is noise, half a request, or a request whose parts do not fit, and sometimes do."""
    kind = generator.randrange(4)
    if kind == 0:
        return generator.randbytes(generator.randrange(300))
    if kind == 1:
        return "[" * generator.randrange(3000)
    parts = {"method": generator.choice(_METHODS), "params": generator.choice(_PARAMS), "id": generator.choice(_PARAMS)}
    text = json.dumps(parts)
    return text if kind == 2 else text[: generator.randrange(len(text))]


def send(playing: Playing, n_messages: int, seed: int) -> None:
    """Send messages over pages that read what they are answered, each page for some hundred messages."""
    generator = random.Random(seed)
    while n_messages > 0:
        with a_page(playing) as page:
            reader = threading.Thread(target=_read, args=(page.socket,), daemon=True)
            reader.start()
            for _ in range(min(n_messages, 500)):
                page.socket.send(garbage(generator))
                n_messages -= 1
        reader.join()


def a_page(playing: Playing) -> Page:
    """A page; while the knocking has taken all connections, it waits for one."""
    give_up_s = time.monotonic() + 20.0
    while True:
        try:
            return playing.page()
        except (WebSocketException, OSError):
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.05)


def knock(playing: Playing, n_requests: int, seed: int) -> None:
    """Send requests that are whole, broken or cut, and connections that say nothing."""
    generator = random.Random(seed)
    for _ in range(n_requests):
        with socket.create_connection(("127.0.0.1", playing.port)) as stream:
            head = generator.choice(_REQUESTS) + b"Host: 127.0.0.1:%d\r\n" % playing.port
            noise = generator.randbytes(generator.randrange(2000))
            stream.sendall(generator.choice((head, head + b"\r\n", noise, head + noise + b"\r\n\r\n", b"")))


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if the page and what plays are as they were: the same processes, and no note that goes on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    begin_s = time.monotonic()
    with Playing(["--audio", "null", "--instrument", "strings"], dict(os.environ)) as playing:
        with playing.page():
            panel = playing.panel_process()
        knocks = threading.Thread(target=knock, args=(playing, options.requests, options.seed))
        knocks.start()
        send(playing, options.messages, options.seed)
        knocks.join()
        with playing.page() as page:
            page.voices(0)
            assert page.ask("moves", positions={"pan": 0.5})["result"] == {"n_moves": 1}
        assert playing.panel_process() == panel
        assert playing.stop() == 0
        assert playing.errors == "", playing.errors
        late = playing.lines[-1].strip()
    print(f"{options.messages} messages, {options.requests} requests in {time.monotonic() - begin_s:.0f} s. {late}")
    return 0


def _read(stream: object) -> None:
    try:
        while True:
            stream.recv()
    except WebSocketException:
        return


if __name__ == "__main__":
    sys.exit(main())
