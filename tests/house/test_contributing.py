"""CONTRIBUTING.md is true: its map has every folder's docstring, and all that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.places import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGES = ("runtime", "training", "export")


def folders() -> dict[str, str]:
    inits = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py"))
    return {f"{path.parent.relative_to(ROOT)}/": ast.get_docstring(ast.parse(path.read_text())) for path in inits}


def test_the_map_has_every_folder_in_its_own_words() -> None:
    listed = re.findall(r"^\| `((?:runtime|training|export)\S*/)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert dict(listed) == {folder: " ".join(says.split()) for folder, says in folders().items()}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|md|yaml|txt|sh))`", PAGE))))
def test_every_file_that_it_names_exists(name: str) -> None:
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Z][A-Za-z_]+(?:\.\w+)?)`(?<!\.md`)", PAGE))))
def test_every_name_that_it_gives_is_defined(name: str) -> None:
    paths = [path for package in (*PACKAGES, "tests") for path in Path(ROOT / package).rglob("*.py")]
    sources = "\n".join(path.read_text() for path in paths)
    for part in name.split("."):
        assert re.search(rf"^\s*(class |def )?{part}\b", sources, re.MULTILINE), part
