"""Traces the system calls of `play`, `render` and `train`: `python -m tests.soak.traced --minutes 10 --out F.md`.

The test fails if a command uses another machine's address, looks up a host's name, or changes a file outside its own
folders. The test needs strace, and TensorFlow for `train`.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import soundfile

from runtime.base.command_line import Parser, run_program
from runtime.base.errors import UserError
from runtime.link.client import Link
from tests.support.places import DATA, ROOT
from tests.support.rig import home_of_its_own
from tests.support.tried import know_test_instruments

RATE_HZ, NOTES = 44100, range(48, 73)
_CHANGES = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat"
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
_FAMILIES = {"AF_UNIX", "AF_NETLINK", "AF_INET", "AF_INET6"}
_THIS_MACHINE = {"127.0.0.1", "::1"}
# Any program may write to paths that begin so: they lead to no files on a disk, but to interfaces of the kernel, or to
# memory.
_NO_FILES = ("/dev/null", "/dev/tty", "/dev/shm/", "/proc/self/", "/memfd:")
_LOOK_UPS = re.compile(r'"(/etc/(?:hosts|host\.conf|resolv\.conf))"')


class Traced:
    """A program whose commands run under strace, with a home of their own. They may change files only in `folder`.

    said, status: output and exit status of the newest finished command.
    n_runs: commands so far.
    """

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder
        (folder / "tmp").mkdir(parents=True)
        know_test_instruments(folder / "state")
        self.env = os.environ | home_of_its_own(folder) | {
            "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "0"}  # fmt: skip
        self.env.pop("XDG_CACHE_HOME", None)
        self._calls, self.said = folder / "calls", ""
        self.n_runs, self.status = 0, -1

    def command(self, *words: object) -> subprocess.Popen[str]:
        strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-e", f"trace=%network,{_CHANGES}", "-e", "signal=none"]
        self.n_runs += 1
        return subprocess.Popen(
            [*strace, "-A", "-o", self._calls, *map(str, words)], cwd=self.folder, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[str], ask_to_stop: bool) -> None:
        if ask_to_stop:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGINT)
        self.said, _ = process.communicate()
        self.status = process.returncode

    def findings(self) -> tuple[set[str], int, int]:
        wrong, own, n_calls = set(), set(), 0
        with self._calls.open(errors="replace") as calls:
            for line in calls:
                n_calls += 1
                families = set(re.findall(r"\b(?:socket\(|sa_family=)(\w+)", line))
                hosts = set(re.findall(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"', line))
                if families - _FAMILIES or hosts - _THIS_MACHINE or _LOOK_UPS.search(line):
                    wrong.add(line.split(" ", 1)[-1].strip())
                for path in _changed(line):
                    (own if self._is_own(path) else wrong).add(path)
        return wrong, n_calls, len(own)

    def _is_own(self, path: str) -> bool:
        return Path(path).is_relative_to(self.folder) or path.startswith(_NO_FILES)


def _changed(line: str) -> Iterator[str]:
    """The paths that a traced call changed. A relative path is joined to the folder that the call names, if any."""
    call = re.match(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", line)
    if not call or int(call[3]) < 0 or call[1] not in _CHANGES.split(","):
        return
    if call[1].startswith("open") and not _WRITES.search(call[2]):
        return
    for folder, path in re.findall(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"', call[2]):
        yield os.path.normpath(Path(folder, path))


def play(traced: Traced, until_s: float) -> None:
    program = traced.command(*_RUNTIME, "play", "--audio", "null", "--instrument", DATA / "tiny.onnx")
    socket, number = traced.folder / "run" / "timbrebox" / "control", 0
    while time.monotonic() < until_s and program.poll() is None:
        with suppress(OSError, UserError), Link(socket) as link:  # a busy machine may answer late; then try again
            while time.monotonic() < until_s:
                number += 1
                link.ask("note", note=40 + number * 7 % 40, velocity=90)
                link.ask("note", note=40 + (number - 3) * 7 % 40, velocity=0)
                time.sleep(0.2)
        time.sleep(0.2)
    traced.finish(program, program.poll() is None)


def render(traced: Traced, until_s: float) -> None:
    while time.monotonic() < until_s:
        out = traced.folder / "scale.wav"
        traced.finish(traced.command(*_RUNTIME, "render", DATA / "scale.mid", out), False)
        if traced.status:
            return


def train(traced: Traced, until_s: float) -> None:
    sounds, corpus = traced.folder / "sounds", traced.folder / "corpus"
    sounds.mkdir()
    for note in NOTES:
        phase = 2.0 * np.pi * 440.0 * 2.0 ** ((note - 69) / 12.0) * np.arange(RATE_HZ) / RATE_HZ
        tone = sum(np.sin(n * phase) / n for n in range(1, 6))
        soundfile.write(sounds / f"tone_{note}.wav", 0.2 * tone, RATE_HZ)
    module = [sys.executable, "-m", "training"]
    traced.finish(traced.command(*module, "corpus", sounds, "--out", corpus), False)
    if traced.status:
        return
    recipe = ROOT / "configs" / "training" / "own-sounds.yaml"
    program = traced.command(*module, "train", recipe, "--corpus", corpus, "--out", traced.folder / "run-1",
                             "--epochs", 100_000)  # fmt: skip
    while time.monotonic() < until_s and program.poll() is None:
        time.sleep(0.5)
    traced.finish(program, program.poll() is None)


_RUNTIME = [sys.executable, "-m", "runtime"]
_PROGRAMS: dict[str, Callable[[Traced, float], None]] = {"play": play, "render": render, "train": train}


def run(arguments: argparse.Namespace) -> int:
    rows = [f"Run on {date.today():%d %B %Y}, {arguments.minutes:g} minutes each.\n",
            "| program | commands | calls traced | own files changed | network, look-ups, other files |",
            "|---|---|---|---|---|"]  # fmt: skip
    is_wrong = False
    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        programs = [Traced(name, Path(folder, name)) for name in arguments.programs.split(",")]
        until_s = time.monotonic() + 60.0 * arguments.minutes
        threads = [threading.Thread(target=_PROGRAMS[each.name], args=(each, until_s)) for each in programs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in programs:
            wrong, n_calls, n_own = each.findings()
            fault = f"status {each.status}: {each.said[-500:]}" if each.status not in (0, 130) else ""
            said = "; ".join(sorted(wrong)[:20]) or "none"
            rows.append(f"| `{each.name}` | {each.n_runs} | {n_calls:,} | {n_own} | {fault}{said} |")
            is_wrong |= bool(wrong or fault)
    print("\n".join(rows))
    if arguments.out:
        Path(arguments.out).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return int(is_wrong)


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.traced", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N")
    parser.add_argument("--programs", default=",".join(_PROGRAMS), metavar="A,B", help="only these programs")
    parser.add_argument("--out", metavar="F", help="write the table there")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
