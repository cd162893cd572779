"""Sends random messages and requests to the page of a real `play`: python -m tests.soak.panel --messages 100000."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import re
import socket
import stat
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from websockets.exceptions import WebSocketException

from tests.support.panel import Page, Playing
from tests.support.panel_program import free_port
from tests.support.places import ROOT
from tests.support.rig import JackServer
from tests.support.timed_play import BlockTimes

N_CONNECTIONS, SLOW_S = 1000, 60.0
CHORD = (36, 43, 48, 52, 55, 60, 64, 67)
_OPENING = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_NOTE = b"/timbrebox/note\0,ii\0" + struct.pack(">ii", 60, 90)
_PACKETS = (
    _NOTE,
    b"/timbrebox/target/pan\0\0\0,f\0\0" + struct.pack(">f", 0.5),
    b"#bundle\0" + struct.pack(">Qi", 1, len(_NOTE)) + _NOTE,
)

# Methods of the page, and values that name no method. `power` is not among them: it could switch this machine off.
_METHODS = (
    "note", "moves", "move", "sound", "save", "sounds.list", "sounds.delete", "sounds.rename", "watch", "state",
    "action", "targets", "learn", "unlearn", "silence", "devices", "velocity", "health", "history", "doctor",
    "doctor.start", "settings", "settings.choose", "powers", "ring", "x", 7, None,
)  # fmt: skip
_PARAMS = (
    None, -1, 1e400, "💥", "a" * 300, [], {"note": 60}, {"note": 60, "velocity": 90}, {"note": 999},
    {"name": "../../x"}, {"positions": {"pan": 9}}, {"positions": {"pan": 0.2}}, {"target": "width", "position": 0.5},
    {"name": "panic"}, {"name": "a4_hz", "value": 442}, {"name": "buffer_frames", "value": 1e9}, {"target": "width"},
    {"device": 0, "curve": "soft"}, {}, True,
)  # fmt: skip
_REQUESTS = (
    b"GET / HTTP/1.1\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\n",
    b"POST /ws HTTP/1.1\r\n",
    b"GET /ws HTTP/1.1\r\n",
)


def garbage(generator: random.Random) -> str | bytes:
    """Random bytes, a row of brackets, a request with random parts, or the beginning of such a request."""
    kind = generator.randrange(4)
    if kind == 0:
        return generator.randbytes(generator.randrange(300))
    if kind == 1:
        return "[" * generator.randrange(3000)
    parts = {"method": generator.choice(_METHODS), "params": generator.choice(_PARAMS), "id": generator.choice(_PARAMS)}
    text = json.dumps(parts)
    return text if kind == 2 else text[: generator.randrange(len(text))]


def send(playing: Playing, n_messages: int, seed: int) -> None:
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
    give_up_s = time.monotonic() + 20.0
    while True:
        try:
            return playing.page()
        except (WebSocketException, OSError):
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.05)


def knock(playing: Playing, n_requests: int, seed: int) -> None:
    generator = random.Random(seed)
    for _ in range(n_requests):
        with socket.create_connection(("127.0.0.1", playing.port)) as stream:
            head = generator.choice(_REQUESTS) + b"Host: 127.0.0.1:%d\r\n" % playing.port
            noise = generator.randbytes(generator.randrange(2000))
            stream.sendall(generator.choice((head, head + b"\r\n", noise, head + noise + b"\r\n\r\n", b"")))


def hang(playing: Playing, n_slow: int, seconds: float) -> int:
    """Send byte after byte, slowly, over each of n_slow connections; returns how many of them the page closed."""
    streams = []
    for k in range(n_slow):
        stream = socket.create_connection(("127.0.0.1", playing.port))
        if k % 2:  # every second connection opens a WebSocket first, and sends a slow message
            stream.sendall(_OPENING.format(port=playing.port).encode())
            assert b" 101 " in stream.recv(200)
            stream.sendall(b"\x81\xfe\x20\x00" + b"mask")  # the head of a message of 8192 bytes
        streams.append(stream)
    end_s, cut = time.monotonic() + seconds, set()
    while time.monotonic() < end_s and len(cut) < n_slow:
        for stream in streams:
            try:
                stream.send(b"G")
            except OSError:
                cut.add(stream)
        time.sleep(0.3)
    for stream in streams:
        stream.close()
    return len(cut)


def crowd(playing: Playing) -> None:
    streams = []
    for _ in range(N_CONNECTIONS):
        stream = socket.socket()
        stream.setblocking(False)
        stream.connect_ex(("127.0.0.1", playing.port))
        streams.append(stream)
    time.sleep(1.0)
    for stream in streams:
        stream.close()


def rebind(playing: Playing, n_requests: int) -> None:
    """Send requests as pages of foreign sites would; AssertionError if one is not refused."""
    own = f"127.0.0.1:{playing.port}"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    foreign = [{"Host": host} for host in ("evil.example", f"evil.example:{playing.port}", "", f"{own}.evil.example")]
    foreign += [{"Host": own, "Origin": origin} for origin in ("http://evil.example", "null", f"https://{own}")]
    for k in range(n_requests):
        headers = upgrade | foreign[k % len(foreign)]
        try:
            status, _, _ = playing.get("/ws", **headers)
        except OSError:  # no connection is free
            continue
        assert status in (400, 403, 421), (status, headers)


def osc_noise(port: int, n_packets: int, seed: int) -> None:
    generator = random.Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pad:
        pad.connect(("127.0.0.1", port))
        for k in range(n_packets):
            packet = bytearray(generator.choice(_PACKETS))
            for _ in range(generator.randrange(6)):
                packet[generator.randrange(len(packet))] = generator.randrange(256)
            with contextlib.suppress(OSError):
                pad.send(bytes(packet) if k % 2 else generator.randbytes(generator.randrange(2000)))
            time.sleep(0.001)


def play_on(playing: Playing, ends: threading.Event) -> None:
    """Strike a chord every second, because the random messages may end its notes."""
    with playing.link() as link:
        while not ends.wait(1.0):
            for note in CHORD:
                link.ask("note", note=note, velocity=0)
                link.ask("note", note=note, velocity=80)


def attack(playing: Playing, options: argparse.Namespace, osc_port: int) -> int:
    jobs = [
        threading.Thread(target=knock, args=(playing, options.requests, options.seed)),
        threading.Thread(target=osc_noise, args=(osc_port, options.requests, options.seed)),
        threading.Thread(target=rebind, args=(playing, options.requests // 10)),
    ]
    for job in jobs:
        job.start()
    send(playing, options.messages, options.seed)
    for job in jobs:
        job.join()
    crowd(playing)
    with a_page(playing):
        pass
    return hang(playing, options.slow, SLOW_S)


def main(arguments: list[str] | None = None) -> int:
    """Attack the page of a `play`. AssertionError unless `play` and the page still work and neither was restarted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=6, help="how many senders are slow")
    parser.add_argument("--quiet-s", type=float, default=20.0, help="seconds that are compared with the attack")
    parser.add_argument("--jack", action="store_true", help="play on a JACK server")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder, env, audio = Path(stack.enter_context(tempfile.TemporaryDirectory())), dict(os.environ), "null"
        if options.jack:
            env = stack.enter_context(JackServer(folder / "jackd.log", period_frames=256)).env
            audio = "system"
        _run(options, folder, env, audio)
    return 0


def _run(options: argparse.Namespace, folder: Path, env: dict[str, str], audio: str) -> None:
    settings, osc_port, before = folder / "osc.yaml", free_port(socket.SOCK_DGRAM), _tree()
    settings.write_text(
        f"{{audio: {{host_api: {'JACK' if options.jack else 'null'}}}, panel: {{osc_port: {osc_port}}}}}"
    )
    arguments = ["--audio", audio, "--instrument", "strings", "--config", settings]
    env = env | {"BLOCK_TIMES": str(folder / "times.npy")}
    with Playing(arguments, env, folder / "home", module="tests.support.timed_play") as playing:
        with playing.page():
            panel = playing.panel_process()
        ends = threading.Event()
        chord = threading.Thread(target=play_on, args=(playing, ends))
        chord.start()
        times_s = [time.monotonic()]
        time.sleep(options.quiet_s)
        times_s.append(time.monotonic())
        n_cut = attack(playing, options, osc_port)
        times_s.append(time.monotonic())
        time.sleep(options.quiet_s)
        times_s.append(time.monotonic())
        ends.set()
        chord.join()
        with playing.page() as page:
            page.ask("action", name="panic")  # because a changed OSC packet may still be valid and begin a note
            page.voices(0)
            assert page.ask("moves", positions={"pan": 0.5})["result"] == {"n_moves": 1}
        with playing.link() as link:
            osc = link.ask("panel")["osc"]
        assert playing.panel_process() == panel
        memory = Path(f"/proc/{panel}/status").read_text()
        assert playing.stop() == 0
        assert playing.errors == "", playing.errors
    assert n_cut == options.slow, f"{n_cut} of {options.slow} slow senders were cut"
    written = {Path(path).relative_to(ROOT) for path, _ in _tree() ^ before}
    assert not written, f"written outside the user's folders: {sorted(map(str, written))}"
    assert {path.name for path in (folder / "home").iterdir()} <= {"data", "state", "run", ".cache", ".config"}
    print(
        f"{options.messages} messages, {options.requests} requests and OSC packets ({osc}), "
        f"{N_CONNECTIONS} connections, {n_cut} slow senders in {times_s[2] - times_s[1]:.0f} s. "
        f"The page's process: {re.search(r'VmHWM:(.*)', memory)[1].strip()}."
    )
    times = BlockTimes(folder / "times.npy")
    for name, span in zip(("before", "meanwhile", "after"), itertools.pairwise(times_s), strict=True):
        p50, p99 = np.percentile(1000.0 * times.between(*span), (50, 99))
        n_late, n_blocks = times.n_late(*span), len(times.between(*span))
        print(f"{name}: {n_late} of {n_blocks} blocks late, p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def _tree() -> set[tuple[str, int]]:
    """The project's files, each with the time of its last change; no caches, and nothing hidden in the root folder."""
    places = (place for place in ROOT.iterdir() if not place.name.startswith("."))
    paths = (path for place in places for path in (place, *place.rglob("*")) if "__pycache__" not in path.parts)
    found = ((path, path.stat()) for path in paths)
    return {(str(path), about.st_mtime_ns) for path, about in found if stat.S_ISREG(about.st_mode)}


def _read(stream: object) -> None:
    try:
        while True:
            stream.recv()
    except WebSocketException:
        return


if __name__ == "__main__":
    sys.exit(main())
