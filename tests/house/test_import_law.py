"""Imports point one way, export to training to runtime, and the runtime starts where there is no workshop."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.imports import ROOT, files_of, imported

FORBIDDEN = {
    "runtime": {"training", "export", "tests"},
    "training": {"export", "tests"},
    "export": {"tests"},
}

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in "tensorflow keras jax onnx tf2onnx scipy soundfile soxr matplotlib training export".split():
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


def test_runtime_imports_without_the_workshop() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "runtime.spectrum" in done.stdout.split()
