"""What holds for every test: which need TensorFlow, and that they run on the CPU."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

WORKSHOP = [Path(__file__).parent / name for name in ("training", "export")]

# The workshop promises bit-equal results on the CPU only; a GPU that happens to be there must not change a test.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# A job in a shell's background inherits an ignored SIGINT; the programs under test must hear it all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the workshop's tests unread by `./timbrebox test --runtime`, whose environment cannot import them."""
    asked = config.getoption("markexpr") == "not workshop"
    return True if asked and any(collection_path.is_relative_to(folder) for folder in WORKSHOP) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the workshop by the directory that they lie in."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in WORKSHOP):
            item.add_marker(pytest.mark.workshop)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory):
    """A small corpus, for whoever reads it only: a training.corpus.frames.FrameStore of harmonic tones."""
    from tests.support.harmonic_store import write_store  # the workshop's, which a machine that only plays has not

    return write_store(tmp_path_factory.mktemp("corpus") / "frames")
