"""Every folder imports only from lower levels, and holds few files."""

from __future__ import annotations

import ast
import functools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

# For each folder, what it contains: one string for each level, from low to high, with the names of folders and modules.
# Every folder must be named, and every module that lies directly in `runtime`, `training` or `export`. Any other module
# may be left out; it is then above all that is named for its folder.
LEVELS = {
    "": ("runtime", "training", "export"),
    "runtime": (
        "base acoustics events control_numbers",
        "config instrument recordings",
        "sound",
        "control midi audio service demo effects link",
        "companion engine panel",
        "encoding rack",
        "through",
        "live",
        "bench",
        "doctor",
        "commands",
        "__main__",
    ),
    "runtime.control": ("targets", "mapping"),
    "runtime.commands": ("machine",),
    "runtime.companion": ("recording sounds",),
    "runtime.engine": ("voices synthesis", "sounding recorded"),
    "runtime.engine.voices": ("modulation", "pitch"),
    "runtime.engine.synthesis": ("phases transposing", "shaping"),
    "runtime.instrument": ("foreign",),
    "runtime.midi": ("recorded",),
    "runtime.live": (
        "present",
        "output remote signs swapping waiting watching",
    ),
    "runtime.panel": ("limits", "access files playing"),
    "runtime.service": ("places", "archive system versions", "install", "debian updating"),
    "runtime.panel.access": ("names devices", "pairing"),
    "runtime.rack": ("glides", "channel_memory parts voice_share", "recorded", "routing"),
    "runtime.sound": ("trajectory",),
    "training": (
        "hearing",
        "corpus",
        "model sources",
        "learning instrument",
        "measure",
        "making paper studies",
        "commands",
        "__main__",
    ),
    "export": (
        "half card map note_numbers presets preset_places to_onnx sounds",
        "sound_presets taught_encoder",
        "instrument gallery",
        "family making",
        "commands",
        "__main__",
    ),
}
# From other folders, each of these folders may import only what is listed for it: synthesis must know nothing of notes.
ONLY = {"runtime.engine.synthesis": {"runtime.base", "runtime.acoustics"}}
# Each of these folders must not import what is listed for it: voices must know nothing of spectra and loudness.
NEVER = {"runtime.engine.voices": {"runtime.acoustics.spectrum", "runtime.acoustics.loudness"}}

MOST_MODULES = 12
MOST_ENTRIES = {"runtime": 18, "training": 18}
# Folders planned for runtime/. Each one that exists raises the limit in MOST_ENTRIES by one.
PLANNED = {
    "sound",
    "rack",
    "link",
    "companion",
    "panel",
    "doctor",
    "effects",
    "recordings",
    "encoding",
    "through",
}

BANK, RINGS = "runtime/engine/voices/bank.py", "runtime/engine/synthesis/rings.py"


def broken_rules(root: Path) -> list[str]:
    return [*_wrong_imports(root), *_wrong_folders(root), *_full_packages(root)]


def _wrong_imports(root: Path) -> Iterator[str]:
    for path in _sources(root):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for line, target in _imports(path, module, root):
            if not _may_import(module, target, root):
                yield f"{path.relative_to(root)}, line {line}: may not import {target}; see LEVELS, ONLY and NEVER"


def _wrong_folders(root: Path) -> Iterator[str]:
    folders = sorted({path.parent for path in _sources(root)})
    top_modules = [path for path in _sources(root) if path.parent.parent == root and path.name != "__init__.py"]
    for path in (*folders, *top_modules):
        if path.stem not in _names(".".join(path.parent.relative_to(root).parts)):
            name = path.relative_to(root)
            yield f"{name}: is not in LEVELS; put it above all that it imports and below all that imports it"
    for folder in folders:
        name = folder.relative_to(root)
        modules = [path for path in folder.glob("*.py") if path.name not in ("__init__.py", "__main__.py")]
        if len(modules) > MOST_MODULES:
            yield f"{name}: holds {len(modules)} modules; divide it, a folder holds at most {MOST_MODULES}"
        if not _begins_with_a_sentence(folder / "__init__.py"):
            yield f"{name}/__init__.py: must begin with a docstring of one sentence that says what the folder is"


def _full_packages(root: Path) -> Iterator[str]:
    for package, most in MOST_ENTRIES.items():
        entries = {path.name for path in (root / package).iterdir() if not path.name.startswith((".", "__"))}
        most += len(entries & PLANNED) if package == "runtime" else 0
        if len(entries) > most:
            yield f"{package}: holds {len(entries)} entries; put some into folders; it holds at most {most}"


def _sources(root: Path) -> list[Path]:
    return sorted(path for package in LEVELS[""] for path in (root / package).rglob("*.py"))


def _names(package: str) -> dict[str, int]:
    return {name: level for level, names in enumerate(LEVELS.get(package, ())) for name in names.split()}


def _begins_with_a_sentence(path: Path) -> bool:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else None
    return bool(text) and text.endswith(".") and not re.search(r"[.!?]\s", text)


def _imports(path: Path, module: str, root: Path) -> Iterator[tuple[int, str]]:
    for line, level, base, name in _import_statements(path.read_text(encoding="utf-8")):
        if level:
            base = ".".join([*module.split(".")[:-level], *filter(None, [base])])
        # `from folder import module` imports folder.module, but `from module import name` imports only the module.
        target = f"{base}.{name}" if name and _exists(root, f"{base}.{name}") else base
        if target.split(".")[0] in LEVELS[""]:
            yield line, target


@functools.cache
def _import_statements(text: str) -> list[tuple[int, int, str, str | None]]:
    """For every import: its line, the number of dots if it is relative (else 0), the module, and the imported name."""
    found: list[tuple[int, int, str, str | None]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, 0, alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, node.level, node.module or "", alias.name) for alias in node.names]
    return found


def _exists(root: Path, name: str) -> bool:
    path = root.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _may_import(module: str, target: str, root: Path) -> bool:
    if (root.joinpath(*target.split("."))).is_dir():
        target += ".__init__"  # importing a folder runs its __init__.py
    for folder, allowed in ONLY.items():
        if _inside(module, {folder}) and not _inside(target, {folder, *allowed}):
            return False
    if any(_inside(module, {folder}) and _inside(target, never) for folder, never in NEVER.items()):
        return False
    ours, theirs = module.split("."), target.split(".")
    depth = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    if depth is None:
        return True
    levels = _names(".".join(ours[:depth]))
    # A module that is not in LEVELS is above the folders next to it.
    own, other = (levels.get(parts[depth], len(levels)) for parts in (ours, theirs))
    both_modules = len(ours) == len(theirs) == depth + 1
    return other < own or (both_modules and ours[depth] not in levels and theirs[depth] not in levels)


def _inside(name: str, folders: set[str]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


def test_the_project_keeps_to_its_levels() -> None:
    assert broken_rules(ROOT) == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in LEVELS[""]:
        ignore = shutil.ignore_patterns("*.onnx", "*.mid", "__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "text", "target"),
    [
        ("runtime/base/errors.py", "import runtime.config", "runtime.config"),
        ("runtime/acoustics/pitch.py", "def f():\n    from runtime.base.errors import T", "runtime.base.errors"),
        ("runtime/audio/clock.py", "if TYPE_CHECKING:\n    from runtime.engine import Engine", "runtime.engine"),
        ("runtime/audio/clock.py", "from runtime.midi import inputs", "runtime.midi.inputs"),
        ("runtime/events.py", "from runtime.control_numbers import Control", "runtime.control_numbers"),
        ("runtime/config.py", "from runtime.commands.play import run", "runtime.commands.play"),
        ("runtime/live/supervisor.py", "from training.model import recipe", "training.model.recipe"),
        (BANK, "from runtime.engine.synthesis.rings import Rings", "runtime.engine.synthesis.rings"),
        (BANK, "from runtime.acoustics import spectrum", "runtime.acoustics.spectrum"),
        (BANK, "from runtime.acoustics.loudness import k_weighting", "runtime.acoustics.loudness"),
        (BANK, "from runtime.engine.mixer import Mixer", "runtime.engine.mixer"),
        (BANK, "from runtime.engine import Engine", "runtime.engine"),
        (RINGS, "from runtime.engine.voices import bank", "runtime.engine.voices.bank"),
        (RINGS, "from runtime.instrument.card import Card", "runtime.instrument.card"),
        (RINGS, "from runtime.engine.mixer import Mixer", "runtime.engine.mixer"),
        ("training/learning/steps.py", "from ..instrument import points", "training.instrument.points"),
        ("training/hearing/harmonics.py", "import training.corpus.frames", "training.corpus.frames"),
        ("training/corpus/frames.py", "from export.card import make_card", "export.card"),
        ("export/card.py", "from export import instrument", "export.instrument"),
    ],
)
def test_a_wrong_import_is_found(copy: Path, path: str, text: str, target: str) -> None:
    before = broken_rules(copy)
    with (copy / path).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{text}\n")
    (found,) = [line for line in broken_rules(copy) if line not in before]
    line = (copy / path).read_text(encoding="utf-8").count("\n")
    assert found == f"{path}, line {line}: may not import {target}; see LEVELS, ONLY and NEVER"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"runtime/attic/__init__.py": '"""Things."""'}, "runtime/attic: is not in LEVELS; put it above"),
        ({"runtime/attic.py": ""}, "runtime/attic.py: is not in LEVELS; put it above"),
        ({"runtime/base/cellar/__init__.py": '"""Things."""'}, "runtime/base/cellar: is not in LEVELS; put it above"),
        ({f"runtime/base/m{i}.py": "" for i in range(12)}, "runtime/base: holds 2[0-9] modules"),
        ({f"runtime/m{i}": "" for i in range(9)}, "runtime: holds [23][0-9] entries; put some into folders"),
        ({f"training/m{i}": "" for i in range(18)}, "training: holds [23][0-9] entries; put .* at most 18"),
        ({"runtime/audio/__init__.py": ""}, "runtime/audio/__init__.py: must begin with a docstring"),
        ({"runtime/audio/__init__.py": '"""Audio. And more."""'}, "runtime/audio/__init__.py: must begin"),
    ],
)
def test_a_wrong_folder_is_found(copy: Path, files: dict[str, str], said: str) -> None:
    before = broken_rules(copy)
    for name, text in files.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, encoding="utf-8")
    found = [line for line in broken_rules(copy) if line not in before]
    assert any(re.match(said, line) for line in found), found
