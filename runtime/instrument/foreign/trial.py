"""Tries a stranger's ONNX file in a separate process, with limits, before this process loads it.

In a graph that `graph_check` accepts, the sizes of arrays depend on the number of rows alone. The trial runs the graph
for every number of rows. So the graph cannot need more memory or time later than in the trial.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.base.private_onnxruntime import onnxruntime
from runtime.base.user_folders import state_folder

BUNDLED_FOLDER = Path(__file__).resolve().parents[2] / "bundled"
# Limits in s: for the duration of the whole trial, and for the processor time that it takes once the libraries are
# loaded. A bundled instrument would need 0.1 s, on a Pi ten times as long.
LONGEST_S, LONGEST_CPU_S = 8.0, 2
LARGEST_GROWTH_BYTES = 320 * 2**20  # limit for the memory that the process allocates once its libraries are loaded
GOOD = "good"
_ROOT = Path(__file__).resolve().parents[3]
_LONGEST_REASON = 4096
_known: dict[str, str] = {}


def refuse_untried(content: bytes, path: Path) -> None:
    """Try a model in another process; UserError if it needs too much memory or time, or crashes.

    Bundled instruments are not tried. The result is stored by the content's digest, so that a model is tried only once.
    """
    if path.resolve().parent == BUNDLED_FOLDER:
        return
    digest = f"{hashlib.sha256(content).hexdigest()}-{onnxruntime.__version__}"
    if digest not in _known:
        _known[digest] = _remembered(digest) or _tried(content, path, digest)
    if _known[digest] != GOOD:
        remedy = "use another instrument, or export it again"
        raise UserError(path, _known[digest], "an ONNX model that an instrument may have", remedy)


def remember(digest: str, result: str) -> None:
    """Store a trial's result under the content's digest, if it can be written."""
    with suppress(UserError, OSError), atomic_write(_place(digest)) as stream:
        stream.write(result)


def _place(digest: str) -> Path:
    return state_folder() / "tried-instruments" / digest


def _remembered(digest: str) -> str | None:
    with suppress(UserError):
        return read_bounded_file(_place(digest), "what came out of a trial", _LONGEST_REASON).decode("utf-8", "replace")
    return None


def _tried(content: bytes, path: Path, digest: str) -> str:
    """GOOD, or what is wrong with the model."""
    command = [sys.executable, "-m", "runtime.instrument.trial_process"]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        # This result is not stored: perhaps the machine was busy.
        found = f"an ONNX model that is not loaded within {LONGEST_S:g} s"
        raise UserError(path, found, "one that is", "use another instrument, or try again") from None
    except OSError as error:
        found = f"no process to try it in ({error.strerror or error})"
        raise UserError(path, found, "room for one", "end other programs, and try again") from None
    said = done.stdout[:_LONGEST_REASON].decode("utf-8", "replace").strip()
    if done.returncode or not said:
        said = f"an ONNX model that takes too much memory or time, or crashes (status {done.returncode})"
    remember(digest, said)
    return said
