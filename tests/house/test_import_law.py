"""Imports between the packages go one way only, and the runtime can be imported without the other packages."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.house.imports import files_of, imported
from tests.support.places import ROOT

FORBIDDEN = {
    "runtime": {"training", "export", "tests"},
    "training": {"export", "tests"},
    "export": {"tests"},
}

PACKAGES = (*FORBIDDEN, "tests")

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in "tensorflow keras jax onnx tf2onnx scipy matplotlib training export".split():
    sys.modules[name] = None  # the import system's own way to say that there is no such module
import runtime
for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
    importlib.import_module(module.name)
    print(module.name)
"""


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package: str) -> None:
    broken = {str(path): imported(path) & FORBIDDEN[package] for path in files_of(package)}
    assert not {path: names for path, names in broken.items() if names}


def test_onnxruntime_comes_from_the_one_module_that_stills_its_telemetry() -> None:
    """tf2onnx imports onnxruntime, so every file that imports tf2onnx must also import private_onnxruntime."""
    ours = ROOT / "runtime" / "base" / "private_onnxruntime.py"
    texts = {path: path.read_text(encoding="utf-8") for package in PACKAGES for path in files_of(package)}
    direct = {path for path, text in texts.items() if re.search(r"^\s*(import|from) onnxruntime\b", text, re.MULTILINE)}
    assert direct == {ours}
    converting = [text for path, text in texts.items() if "tf2onnx" in imported(path)]
    assert converting
    assert all("\nfrom runtime.base.private_onnxruntime import" in text for text in converting)


def test_runtime_imports_without_the_workshop() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "runtime.acoustics.spectrum" in done.stdout.split()
