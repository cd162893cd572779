"""Sends an update as the page does: python -m tests.support.update_page PORT [FILE].

It prints the update's state after each change, as a line of JSON, until the update has ended. Without FILE it prints
only the present state; `null` means that the page takes no updates.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

_LIMIT_S, _AGAIN_S = 300.0, 0.5
ENDS = ("done", "refused", "stuck")


def states(port: int, update: Path | None) -> Iterator[dict[str, Any] | None]:
    """Send an update, and yield its state after each change until the update has ended.

    update: the update's file, or None to yield only the present state.

    AssertionError if the page's process does not accept the file, or if the update does not end.
    """
    deadline_s, told = time.monotonic() + _LIMIT_S, object()
    while time.monotonic() < deadline_s:
        with suppress(ConnectionClosed, OSError), connect(f"ws://127.0.0.1:{port}/files") as page:
            limits = _wait(page, "limits")
            if update is not None:
                _send(page, update, limits)
                update = None
            while True:
                facts = _wait(page, "files")
                assert facts["failed"] is None, facts["failed"]
                state = facts["update"]
                if state != told and facts["now"] is None:
                    told = state
                    yield told
                if state is None or state["state"] in ("", *ENDS):
                    return
        time.sleep(_AGAIN_S)
    raise AssertionError("the update does not end")


def _send(page: ClientConnection, update: Path, limits: dict[str, int]) -> None:
    content = update.read_bytes()
    params = {"kind": "update", "name": update.name, "bytes": len(content)}
    page.send(json.dumps({"method": "send", "params": params, "id": 1}))
    answer = _next(page, lambda message: message.get("id") == 1)
    assert "error" not in answer, answer
    got = 0
    for begin in range(0, len(content), limits["chunk"]):
        while begin - got >= limits["window"] - limits["chunk"]:
            got = _wait(page, "got")
        page.send(content[begin : begin + limits["chunk"]])
    while got < len(content):
        got = _wait(page, "got")


def _wait(page: ClientConnection, topic: str) -> Any:
    return _next(page, lambda message: message.get("method") == topic)["params"]


def _next(page: ClientConnection, is_right: Any) -> dict[str, Any]:
    while True:
        message = json.loads(page.recv(60))
        if is_right(message):
            return message


def main() -> None:
    for state in states(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None):
        print(json.dumps(state), flush=True)


if __name__ == "__main__":
    main()
