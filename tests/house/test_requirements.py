"""Each listed package is pinned, and every package that the code imports is listed."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.house.imports import files_of, imported
from tests.support.places import ROOT

RUNTIME = ROOT / "runtime" / "requirements.txt"
TESTS = ROOT / "tests" / "requirements.txt"
WHOLE = ROOT / "requirements.txt"
OURS = {"runtime", "training", "export", "tests"}
# Users install these packages themselves: jax for KERAS_BACKEND=jax, gpiozero (from Debian) for a lamp and a button.
OPTIONAL = {"jax", "gpiozero"}


def pins(path: Path) -> dict[str, str]:
    """The pinned version of each package, by normalised name, in a requirements file and the files that it includes."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("-r "):
            found |= pins(path.parent / line.removeprefix("-r "))
        elif line:
            pinned = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][0-9a-z.]*)", line)
            assert pinned, f"{path.name}: {line!r} is not pinned"
            found[normal(pinned[1])] = pinned[2]
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("package", "path"), [("runtime", RUNTIME), ("training", WHOLE), ("export", WHOLE)])
def test_every_import_is_in_the_list(package: str, path: Path) -> None:
    third_party = set().union(*map(imported, files_of(package))) - sys.stdlib_module_names - OURS - OPTIONAL
    providers = metadata.packages_distributions()
    known = set(pins(path))
    provided = {
        name: {normal(dist).removesuffix("-cpu") for dist in providers.get(name, [name])} for name in third_party
    }
    assert not {name: dists for name, dists in provided.items() if not dists & known}


@pytest.mark.parametrize("path", [RUNTIME, TESTS], ids=["runtime", "tests"])
def test_the_list_is_what_is_installed(path: Path) -> None:
    assert {name: metadata.version(name) for name in pins(path)} == pins(path)


@pytest.mark.workshop
def test_nothing_unpinned_comes_along() -> None:
    installed = {normal(dist.name) for dist in metadata.distributions()} - {"pip"}
    listed = set(pins(WHOLE))
    gpu = {name for name in installed if name.startswith("nvidia-")}
    assert not installed - listed - gpu - {"tensorflow-cpu"}


def test_the_whole_list_names_tensorflow_and_the_lean_one_does_not() -> None:
    assert "tensorflow" in pins(WHOLE)
    assert not {"tensorflow", "keras", "onnx", "tf2onnx", "pytest"} & set(pins(RUNTIME))
