"""Runs inside the emulated machine as root, and does what the host asks for.

Requests and answers pass through a virtio port; each is a line of JSON. A request has an `id` and one of these:
- `words`: a command
- `path` with `data`: a file, and the bytes to write to it, in hexadecimal
- `ask`: a line for the service's socket
- `rest_s`: seconds after which to answer
- `returns`: `keyboard` (with `path`, its MIDI port) or `card`; returned.py measures this device's next return

The answer has the same `id`, a `status`, the `text` that was printed or answered, and `now_s`, the machine's own time.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time

import returned

PORT = "/dev/virtio-ports/timbrebox.rig"
_writes = threading.Lock()


def answer(request: dict) -> tuple[int, str]:
    """Do what a request asks for; returns the status and a text."""
    if "words" in request:
        env = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(request["words"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=env, check=False)  # fmt: skip
        return done.returncode, done.stdout.decode(errors="replace")
    if "ask" in request:
        with returned.Link() as link:
            return 0, link.ask_line(request["ask"])
    if "rest_s" in request:
        time.sleep(request["rest_s"])
        return 0, ""
    if "returns" in request:
        measure = {"keyboard": returned.keyboard, "card": returned.card}[request["returns"]]
        return 0, json.dumps(measure(request["path"]) if "path" in request else measure())
    handle = os.open(request["path"], os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(handle, bytes.fromhex(request["data"]))
    finally:
        os.close(handle)
    return 0, ""


def serve(request: dict, port: int) -> None:
    try:
        status, text = answer(request)
    except Exception as error:  # whatever it is, the host waits for an answer
        status, text = -1, repr(error)
    with _writes:
        told = {"id": request["id"], "status": status, "text": text, "now_s": time.monotonic()}
        left = json.dumps(told).encode() + b"\n"
        while left:
            left = left[os.write(port, left) :]


def main() -> None:
    while not os.path.exists(PORT):
        time.sleep(0.05)
    port = os.open(PORT, os.O_RDWR)
    received = b""
    while True:
        data = os.read(port, 65536)
        if not data:  # the host is not connected
            time.sleep(0.05)
        *lines, received = (received + data).split(b"\n")
        for line in lines:
            threading.Thread(target=serve, args=(json.loads(line), port)).start()


if __name__ == "__main__":
    main()
