"""Marks slow tests and tests that need TensorFlow, and distributes the tests among processes."""

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
# `./timbrebox test --quick` skips these: real training, minutes of real playing, whole installations.
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

# Hide any GPU: repeated training on a GPU does not give bit-identical results.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several test processes share the cores; with more than one thread each, they would wait for one another.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell's background job ignores SIGINT, and a program under nohup ignores SIGHUP. Child processes inherit this, but
# the programs under test must receive both signals.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = config.getoption("markexpr") == "not workshop"
    return True if asked and any(collection_path.is_relative_to(folder) for folder in WORKSHOP) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
        if any(item.path.is_relative_to(folder) for folder in WORKSHOP):
            item.add_marker(pytest.mark.workshop)
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SideBySide:
    config.option.loadscopereorder = False
    return SideBySide(config, log)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory):
    """A small corpus of harmonic tones; tests share it and must not change it."""
    from tests.support.harmonic_store import write_store  # needs the workshop's packages, which may be missing

    return write_store(tmp_path_factory.mktemp("corpus") / "frames")


@pytest.fixture(autouse=True)
def own_user_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test its own user folders, away from the developer's files and a running `play`."""
    # The prefix is short, because a socket's path may have at most 107 bytes. Errors of the clean-up are ignored: the
    # companion of a killed program may still write into the folder for a moment.
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as home:
        for name, folder in (("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")):
            monkeypatch.setenv(name, f"{home}/{folder}")
        know_test_instruments(Path(home, "state"))
        yield


@pytest.fixture(autouse=True)
def own_priority() -> Iterator[None]:
    """Restore the priority of the tests' thread after a test that gave it the audio thread's real-time priority.

    With real-time priority, the next tests would keep other programs from running.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    if os.sched_getscheduler(0) != before[0]:
        os.sched_setscheduler(0, *before)
