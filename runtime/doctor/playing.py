"""Checks the playing process."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from runtime.base.errors import UserError
from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given, text_of
from runtime.link.client import connect

MOST_LATE_SHARE = 0.001
_UNCONNECTED = ("0A", "07")  # states of sockets with no remote end: listening TCP, unconnected UDP
_LOCAL = re.compile(r"0100007F|00000000000000000000000001000000|0000000000000000FFFF00000100007F")


def ask_playing() -> tuple[dict | None, str]:
    """Ask the playing process for its health and process id; returns (report, reason).

    The report is None if no process answers. Then the reason says why; the reason is empty if nothing plays.
    """
    try:
        with connect() as link:
            return link.ask("health") | {"process": link.ask("state")["process"]}, ""
    except UserError as error:
        return None, "" if error.found == "nothing that plays" else str(error)


def check_playing(given: Given) -> list[Finding]:
    """Check the late blocks and the problems that the playing process reports."""
    playing = given.playing
    if playing is None:
        return [Finding("Playing", GOOD, "nothing plays now")]
    n_blocks, n_late = max(1, playing["blocks"]), playing["late"]
    says = (
        f"for {_duration(playing['seconds'])}, on {playing['audio']}, {playing['voices']} voices now; "
        f"{n_late} of {playing['blocks']} blocks late, {playing['underruns']} underruns"
    )
    larger = f"play with larger blocks: ./timbrebox play --buffer {2 * playing['buffer_frames']}"
    problems = [problem.rstrip(".") for problem in playing["problems"]]
    if problems:
        is_overload = any(problem.startswith("Too much") for problem in problems)
        remedy = larger if is_overload else "mend what the other lines name; then this goes by itself, or by a restart"
        return [Finding("Playing", MEND, f"{says}; it says: {'; '.join(problems)}", remedy)]
    if n_late / n_blocks > MOST_LATE_SHARE:
        return [Finding("Playing", MEND, f"{says}: too many", larger)]
    return [Finding("Playing", GOOD, says)]


def _duration(seconds: float) -> str:
    for size_s, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size_s:
            number = round(seconds / size_s)
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{seconds:.0f} s"


def check_network(given: Given) -> list[Finding]:
    """Check that telemetry is off, and that the playing process connected to no other machine."""
    from runtime.base import private_onnxruntime

    off = "Timbrebox sends nothing, and onnxruntime's telemetry is off"
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1" or private_onnxruntime.onnxruntime is None:
        return [Finding("Network", BAD, "onnxruntime's telemetry is on", "tell us: this is our mistake")]
    if given.playing is None:
        return [Finding("Network", GOOD, off)]
    ends = [end for process in _family(given.root, given.playing["process"]) for end in sockets(given.root, process)]
    abroad = [end for end in ends if end.goes_out and not end.is_local]
    if abroad:
        says = f"what plays has {len(abroad)} connections to other machines, which it has made itself"
        return [Finding("Network", BAD, says, "see which: sudo ss -tunp; then send us the report: this is our mistake")]
    if any(not end.is_local for end in ends):
        return [Finding("Network", GOOD, f"{off}; other machines may use the page or OSC, as the settings say")]
    page = "; the page answers on this machine only" if ends else ""
    return [Finding("Network", GOOD, f"{off}{page}")]


class Socket(NamedTuple):
    """A network socket of a process.

    is_local: whether only this machine can be at the socket's other end.
    goes_out: whether the process made the connection.
    """

    is_local: bool
    goes_out: bool


def sockets(root: Path, process: int) -> list[Socket]:
    """The network sockets of a process; an empty list if this user has no right to see them.

    root: the folder that contains proc.
    Source: proc_net(5). Columns, counted from 0: 1 local address, 2 remote address, 3 state, 9 inode.
    """
    own = set()
    for path in root.glob(f"proc/{process}/fd/*"):
        with suppress(OSError):
            own |= set(re.findall(r"^socket:\[(\d+)\]$", os.readlink(path)))
    rows = [
        line.split()
        for kind in ("tcp", "tcp6", "udp", "udp6")
        for line in text_of(root / f"proc/{process}/net/{kind}").splitlines()[1:]
    ]
    mine = [row[1:4] for row in rows if len(row) > 9 and row[9] in own]
    # If this process listens on the local port of a connection, the other end has opened the connection.
    served = {local.rpartition(":")[2] for local, _, state in mine if state in _UNCONNECTED}
    return [
        Socket(bool(_LOCAL.match(local if state in _UNCONNECTED else far)), local.rpartition(":")[2] not in served)
        for local, far, state in mine
    ]


def _family(root: Path, process: int) -> list[int]:
    children = text_of(root / f"proc/{process}/task/{process}/children").split()
    return [process, *(int(child) for child in children)]
