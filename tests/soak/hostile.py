"""Gives the program broken files: `python -m tests.soak.hostile --each 10000 --commands 200 --json F`.

The program must use each file, or refuse it in one printable line. The test fails if a file crashes the program, takes
over 10 s of processor time or over 500 MB, or makes a sample that is not finite.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.base.command_line import Parser, run_program
from runtime.base.errors import UserError
from runtime.base.files import write_json
from tests.support.hostile_commands import HARMFUL, Outcome, command_of, run_command
from tests.support.places import ROOT
from tests.support.tried import know_test_instruments

LONGEST_S, LARGEST_MB = 10.0, 500
_RETRIES = 20


def in_worker(kind: str, first: int, last: int) -> dict[str, object]:
    """Let a worker use the broken files with the numbers `first` to `last` - 1.

    A worker is a process whose memory is limited. If a file ends it, a new worker goes on with the next file. After
    _RETRIES faults, the remaining files are not used.
    """
    figures = {"kind": kind, "used": 0, "refused": 0, "slowest_s": 0.0, "peak_mb": 0, "bad": []}
    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        env = own_places(Path(folder))
        while first < last and len(figures["bad"]) < _RETRIES:
            command = [sys.executable, "-m", "tests.soak.hostile", "--worker", kind, str(first), str(last), folder]
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
            lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            for line in lines:
                figures["used"] += line.get("used", 0)
                figures["refused"] += line.get("refused", 0)
                figures["slowest_s"] = max(figures["slowest_s"], line.get("slowest_s", 0.0))
                figures["peak_mb"] = max(figures["peak_mb"], line.get("peak_mb", 0))
                figures["bad"] += line.get("bad", [])
            reached = int(Path(folder, "reached").read_text())
            if done.returncode:
                figures["bad"].append(f"{reached}: the worker ended with {done.returncode}: {done.stderr[-300:]}")
            first = reached + 1
    return figures


def own_places(folder: Path) -> dict[str, str]:
    know_test_instruments(folder / "state")
    names = {"XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state", "XDG_RUNTIME_DIR": "run"}
    return os.environ | {"PYTHONPATH": str(ROOT)} | {name: str(folder / each) for name, each in names.items()}


def work(kind_name: str, first: int, last: int, folder: Path) -> int:
    from runtime.instrument import session, trial_process
    from tests.support.hostile_kinds import kinds

    def tried(content: bytes, path: Path) -> None:
        # The program itself tries a model in a separate process with limits, which is slow to start. Here the model is
        # tried in the worker, because the worker has limits, too.
        try:
            trial_process._run(session.new_session(content))
        except Exception as error:
            raise UserError(path, str(error), "a model that runs", "use another") from None

    session.refuse_untried = tried
    kind = kinds(folder)[kind_name]
    # Use a good file first: this loads all libraries before the memory is limited.
    kind.use(_written(folder, kind.suffix, kind.make(-1)), 0)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LARGEST_MB * 2**20,) * 2)
    found = {"used": 0, "refused": 0, "slowest_s": 0.0, "bad": []}
    with open(folder / "reached", "w+") as reached:
        for number in range(first, last):
            os.pwrite(reached.fileno(), b"%-9d" % number, 0)
            path = _written(folder, kind.suffix, kind.make(number))
            begin_s = time.process_time()
            try:
                kind.use(path, number)
                found["used"] += 1
            except UserError as error:
                found["refused"] += 1
                if not str(error).isprintable():
                    found["bad"].append(f"{number}: {str(error)!a}")
            except Exception:
                found["bad"].append(f"{number}: {traceback.format_exc()[-600:]}")
            took_s = time.process_time() - begin_s
            found["slowest_s"] = max(found["slowest_s"], round(took_s, 2))
            if took_s > LONGEST_S:
                found["bad"].append(f"{number}: {took_s:.1f} s")
            if len(found["bad"]) >= _RETRIES:
                break
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(found))
    return 0


def _written(folder: Path, suffix: str, content: bytes) -> Path:
    path = folder / f"broken{suffix}"
    path.write_bytes(content)
    return path


def through_commands(kind: str, numbers: Sequence[int]) -> dict[str, object]:
    from tests.support.hostile_kinds import kinds

    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        env = own_places(Path(folder))
        made = kinds(Path(folder))[kind]
        outcomes = []
        for number in numbers:
            path = _written(Path(folder), made.suffix, made.make(number))
            outcomes.append(run_command(command_of(kind, path, Path(folder)), Path(folder), env, f"{kind} {number}"))
    return _summed(f"{kind}, commands", outcomes)


def harmful(names: Sequence[str] = ()) -> dict[str, object]:
    """Run `timbrebox` on hand-made files.

    names: the files' keys in HARMFUL; empty for all.
    """
    outcomes = []
    for name, make in HARMFUL.items():
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="tb-") as folder:
            env = own_places(Path(folder))
            outcomes.append(run_command(make(Path(folder)), Path(folder), env, name))
    return _summed("hand-made", outcomes)


def _summed(label: str, outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "kind": label,
        "used": sum(each.status == 0 for each in outcomes),
        "refused": sum(each.status == 2 for each in outcomes),
        "slowest_s": max((each.seconds for each in outcomes), default=0.0),
        "peak_mb": max((each.peak_mb for each in outcomes), default=0),
        "bad": [each.fault for each in outcomes if each.fault],
    }


def run_all(arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    from tests.support.hostile_commands import KINDS

    wanted = arguments.kinds.split(",") if arguments.kinds else [*KINDS, "stream"]
    for kind in wanted if arguments.each else ():
        yield in_worker(kind, arguments.first, arguments.first + arguments.each)
    if arguments.harmful:
        yield harmful()
    for kind in wanted if arguments.commands else ():
        if kind in KINDS:
            yield through_commands(kind, range(arguments.first, arguments.first + arguments.commands))


def run(arguments: argparse.Namespace) -> int:
    if arguments.worker:
        kind, first, last, folder = arguments.worker
        return work(kind, int(first), int(last), Path(folder))
    report = []
    for figures in run_all(arguments):
        report.append(figures)
        print(json.dumps(figures), flush=True)
        if arguments.json:
            write_json(arguments.json, {"runs": report}, makes_folder=False)
    return 1 if any(figures["bad"] for figures in report) else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.hostile", description=__doc__)
    parser.add_argument("--each", type=int, default=10_000, metavar="N", help="broken files of each kind, in a worker")
    parser.add_argument("--commands", type=int, default=200, metavar="N", help="broken files through the real command")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first broken file")
    parser.add_argument("--kinds", metavar="A,B", help="only these kinds")
    parser.add_argument("--harmful", action="store_true", help="the hand-made ones, too")
    parser.add_argument("--json", metavar="F", help="write the figures there")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
