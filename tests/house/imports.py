"""Which top-level packages each file of ours imports, inside functions too."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support.places import ROOT


def imported(path: Path) -> set[str]:
    """Top-level names that a Python file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path.name)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def files_of(package: str) -> list[Path]:
    """Every Python file of one of our packages."""
    return sorted((ROOT / package).rglob("*.py"))
