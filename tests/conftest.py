"""Set-up of all tests: marks those that need TensorFlow and those that are slow; shares them out among processes."""

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
# Files whose tests take long together: real trainings, real minutes of playing, whole installations.
# `./timbrebox test --quick` leaves them out.
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

# Repeated training gives bit-equal results only on a CPU, so the tests do not use a GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several processes test at a time, so each computes with one thread; more would only wait for each other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell's background job ignores SIGINT, and nohup SIGHUP, and so would their child processes. But the programs under
# test must receive both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the tests of training and export in `./timbrebox test --runtime`: they cannot be imported there."""
    asked = config.getoption("markexpr") == "not workshop"
    return True if asked and any(collection_path.is_relative_to(folder) for folder in WORKSHOP) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of training and export with `workshop`, and those of SLOW with `slow`; put the longest first."""
    for item in items:
        if any(item.path.is_relative_to(place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
        if any(item.path.is_relative_to(folder) for folder in WORKSHOP):
            item.add_marker(pytest.mark.workshop)
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SideBySide:
    """Share the tests out by `SideBySide`."""
    config.option.loadscopereorder = False
    return SideBySide(config, log)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory):
    """A small corpus of harmonic tones, a training.corpus.frames.FrameStore; tests share it and must not change it."""
    from tests.support.harmonic_store import write_store  # needs TensorFlow's environment, which may be missing

    return write_store(tmp_path_factory.mktemp("corpus") / "frames")


@pytest.fixture(autouse=True)
def own_user_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test uses or changes what the person who runs it has saved, nor speaks to a `play` of theirs."""
    with tempfile.TemporaryDirectory(prefix="tb-") as home:  # the path of a socket may have 107 bytes
        for name, folder in (("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")):
            monkeypatch.setenv(name, f"{home}/{folder}")
        know_test_instruments(Path(home, "state"))
        yield


@pytest.fixture(autouse=True)
def own_priority() -> Iterator[None]:
    """No test keeps a real-time priority: a block that is rendered as the audio thread does gives one to its thread.

    With it, this process and its children would let no other program run, for the rest of the tests.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    if os.sched_getscheduler(0) != before[0]:
        os.sched_setscheduler(0, *before)
