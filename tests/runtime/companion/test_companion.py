"""The companion is restarted when it dies, and ends when `play` ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.companion.child import CompanionChild
from tests.support.places import ROOT
from tests.support.rig import LiveProgram, home_of_its_own, wait_until

TINY = ROOT / "tests" / "data" / "tiny.onnx"


class Child:
    """A companion process.

    lines: what it has printed.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.companion = CompanionChild(self.lines.append)

    def ask(self, name: str, **params: object) -> object:
        answers: list[object] = []
        self.companion.ask(name, answers.append, answers.append, **params)
        self.serve_until(lambda: answers)
        if isinstance(answers[0], UserError):
            raise answers[0]
        return answers[0]

    def serve_until(self, condition: Callable[[], object]) -> None:
        def served() -> object:
            self.companion.serve()
            return condition()

        wait_until(served, "the companion's answer", lambda: self.lines)


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    for name, value in home_of_its_own(tmp_path).items():
        monkeypatch.setenv(name, value)
    child = Child()
    yield child
    child.companion.close()


def is_alive(process_id: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_answers_and_refuses(child: Child) -> None:
    assert child.ask("ping") == {"process": child.companion.process_id}
    with pytest.raises(UserError, match="'pong'"):
        child.ask("pong")
    with pytest.raises(UserError, match="unknown field"):
        child.ask("ping", loud=True)
    assert child.ask("ping")


def test_a_request_to_a_companion_that_has_just_died_leaves_no_closed_descriptor_to_wait_for(child: Child) -> None:
    assert child.ask("ping")
    os.kill(child.companion.process_id, signal.SIGKILL)
    wait_until(lambda: not is_alive(child.companion.process_id), "the companion's end")
    child.companion.tell("ping")  # `tell` notices that the companion has died
    assert (child.companion.read_fds, child.companion.write_fds, child.companion.wait_s) == ([], [], 0.0)
    child.companion.serve()
    assert "has died" in child.lines[-1]
    child.serve_until(lambda: child.companion.n_starts == 2)
    assert child.ask("ping")


def test_a_refusal_that_nobody_waits_for_is_said(child: Child) -> None:
    child.companion.tell("pong")
    child.serve_until(lambda: child.lines)
    assert "'pong'" in child.lines[0]


def test_it_is_started_again_and_what_was_asked_is_refused(child: Child) -> None:
    for n_starts in (2, 3):
        started_s = time.monotonic()
        answers: list[object] = []
        os.kill(child.companion.process_id, signal.SIGSTOP)
        child.companion.ask("ping", answers.append, answers.append)
        os.kill(child.companion.process_id, signal.SIGKILL)
        child.serve_until(lambda n=n_starts: child.companion.n_starts == n)
        assert time.monotonic() - started_s < 5.0
        assert "has died (signal 9)" in child.lines[-1]
        assert isinstance(answers[0], UserError)
        assert child.ask("ping") == {"process": child.companion.process_id}


def test_it_never_loads_the_engine_or_onnxruntime() -> None:
    code = "import sys, socket; from runtime.companion.keeping import companion; companion(socket.socketpair()[0])\n"
    code += "print([name for name in sys.modules if name.startswith(('onnxruntime', 'runtime.engine'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_it_ends_when_play_ends(with_signal: int, tmp_path: Path) -> None:
    with LiveProgram(["--audio", "null", "--instrument", TINY, "--no-panel"], dict(os.environ), tmp_path) as program:
        (companion,) = children(program.process_id)
        assert is_alive(companion)
        program.stop(with_signal)
        wait_until(lambda: not is_alive(companion), "the companion's end")
        assert program.errors == ""


def test_play_starts_it_again(tmp_path: Path) -> None:
    with LiveProgram(["--audio", "null", "--instrument", TINY, "--no-panel"], dict(os.environ), tmp_path) as program:
        (companion,) = children(program.process_id)
        os.kill(companion, signal.SIGKILL)
        program.wait_for("The companion, which keeps files, has died (signal 9); it is started again.")
        wait_until(lambda: children(program.process_id) not in ([], [companion]), "another companion")
        assert program.stop() == 0


def test_it_has_no_real_time_priority(tmp_path: Path) -> None:
    if not may_be_real_time():
        pytest.skip("this user may not have real-time priorities")
    code = "import os, time; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))\n"
    code += "from runtime.companion.child import CompanionChild\n"
    code += "child = CompanionChild(print); answers = []; child.ask('ping', answers.append, answers.append)\n"
    code += "while not answers:\n    child.serve(); time.sleep(0.01)\n"
    code += "print(os.sched_getscheduler(0), os.sched_getscheduler(answers[0]['process'])); child.close()"
    env = os.environ | home_of_its_own(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{os.SCHED_FIFO} {os.SCHED_OTHER}\n"


def may_be_real_time() -> bool:
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def children(process_id: int) -> list[int]:
    found = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return [int(child) for child in found if is_alive(int(child))]
