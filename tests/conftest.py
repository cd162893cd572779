"""Set-up of all tests: marks slow tests and tests that need TensorFlow; distributes the tests among processes."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.side_by_side import SideBySide, longest_first
from tests.support.tried import know_test_instruments

WORKSHOP = [Path(__file__).parent / name for name in ("training", "export")]
# Files and folders with slow tests: real training, minutes of real playing, whole installations.
# `./timbrebox test --quick` skips them.
SLOW = [
    Path(__file__).parent / name
    for name in (
        "export/gallery",
        "export/making",
        "export/test_export.py",
        "export/test_export_variational.py",
        "house/test_launcher.py",
        "house/test_readme.py",
        "house/test_service.py",
        "runtime/bench",
        "runtime/doctor/test_doctor_command.py",
        "runtime/companion/test_kills.py",
        "runtime/engine/synthesis/test_transposition.py",
        "runtime/engine/test_moving_clicks.py",
        "runtime/engine/test_moving_partitions.py",
        "runtime/engine/test_partitions.py",
        "runtime/engine/test_width.py",
        "runtime/live",
        "runtime/panel",
        "runtime/sound/test_playing_a_sound.py",
        "runtime/test_hostile.py",
        "runtime/test_no_network.py",
        "runtime/through/test_live_input.py",
        "training/instrument",
        "training/learning",
        "training/making",
        "training/measure",
        "training/model",
        "training/paper",
    )
]

# Repeated training gives bit-identical results only on a CPU, so the tests do not use a GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several processes test at the same time, so each computes with one thread; more threads would wait for each other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell's background job ignores SIGINT, and a program under nohup ignores SIGHUP; child processes inherit this. But
# the programs under test must receive both signals.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of training and export in `./timbrebox test --runtime`, which has no packages for them."""
    asked = config.getoption("markexpr") == "not workshop"
    return True if asked and any(collection_path.is_relative_to(folder) for folder in WORKSHOP) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of training and export as `workshop`, and the tests in SLOW as `slow`; put the longest first."""
    for item in items:
        if any(item.path.is_relative_to(place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
        if any(item.path.is_relative_to(folder) for folder in WORKSHOP):
            item.add_marker(pytest.mark.workshop)
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SideBySide:
    """Let `SideBySide` distribute the tests."""
    config.option.loadscopereorder = False
    return SideBySide(config, log)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory):
    """A small corpus of harmonic tones, a training.corpus.frames.FrameStore; tests share it and must not change it."""
    from tests.support.harmonic_store import write_store  # needs the workshop's packages, which may be missing

    return write_store(tmp_path_factory.mktemp("corpus") / "frames")


@pytest.fixture(autouse=True)
def own_user_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test its own user folders, so that no test reads or changes the developer's files or running `play`."""
    # The prefix is short, because a socket's path may have at most 107 bytes. Errors are ignored, because the companion
    # of a program that a test has killed may write into the folder for a moment longer.
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as home:
        for name, folder in (("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")):
            monkeypatch.setenv(name, f"{home}/{folder}")
        know_test_instruments(Path(home, "state"))
        yield


@pytest.fixture(autouse=True)
def own_priority() -> Iterator[None]:
    """Restore the process's scheduling after a test that rendered as the audio thread, with real-time priority.

    With this priority, the process and its children would keep other programs from running during the next tests.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    if os.sched_getscheduler(0) != before[0]:
        os.sched_setscheduler(0, *before)
