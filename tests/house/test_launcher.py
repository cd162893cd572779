"""The launcher as a user meets it: from anywhere, with what it says and the status it ends with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT

RUNTIME = "play render instruments devices bench service".split()
WORKSHOP = "corpus train evaluate reproduce export".split()
N_LEAN_MB = 200


def launch(
    *arguments: object, launcher: Path = ROOT / "timbrebox", cwd: Path = ROOT, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the launcher as a process of its own; without the tests' own PYTHONPATH, which a user has not."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [str(launcher), *map(str, arguments)], cwd=cwd, env=clean | env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def lean_environment() -> Path:
    """`.venv` as the launcher makes it; made now where it is not there yet."""
    done = launch("instruments")
    assert (ROOT / ".venv" / "installed.txt").exists(), done.stderr
    return ROOT / ".venv"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_usage_lists_every_command(arguments: list[str]) -> None:
    done = launch(*arguments)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert (done.returncode, sorted(listed), done.stderr) == (0, sorted([*RUNTIME, *WORKSHOP, "test"]), "")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("rendr", "did you mean 'render'?"),
        ("instrument", "did you mean 'instruments'?"),
        ("pay", "did you mean 'play'?"),
        ("xyzzyxyzzy", "--help lists them"),
        ("a*b", "--help lists them"),
    ],
)
def test_unknown_command_is_one_line_with_the_nearest_name(typed: str, answer: str) -> None:
    done = launch(typed)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert repr(typed) in done.stderr
    assert done.stderr.rstrip().endswith(answer)


@pytest.mark.parametrize("command", [*RUNTIME, *(pytest.param(name, marks=pytest.mark.workshop) for name in WORKSHOP)])
def test_every_command_tells_how_it_is_used(command: str, lean_environment: Path) -> None:
    done = launch(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: timbrebox {command}")


def test_lean_environment_is_small_and_has_no_pip(lean_environment: Path) -> None:
    files = [path for path in lean_environment.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_blocks * 512 for path in files) <= N_LEAN_MB * 2**20
    packages = next(lean_environment.glob("lib/python3*/site-packages"))
    assert not [name for name in ("pip", "setuptools", "pytest", "tensorflow") if (packages / name).exists()]


def test_lean_environment_renders_from_any_directory_through_a_link(lean_environment: Path, tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    for name in ("runtime/__init__.py", "numpy.py"):
        (tmp_path / name).write_text("raise SystemExit('the directory it was called from was imported')")
    (tmp_path / "a link").symlink_to(ROOT / "timbrebox")
    (tmp_path / "link to a link").symlink_to("a link")
    shutil.copy(ROOT / "tests" / "data" / "scale.mid", tmp_path / "in.mid")
    instrument = ROOT / "tests" / "data" / "tiny.onnx"
    done = launch(
        "render", "in.mid", "out.wav", "--instrument", instrument, launcher=tmp_path / "link to a link", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.wav").stat().st_size > 26 * 44100 * 4


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The launcher with its set-up and lists in a directory where nothing is set up yet."""
    root = tmp_path / "copy"
    (root / "runtime").mkdir(parents=True)
    shutil.copy(ROOT / "timbrebox", root)
    for name in ("set_up.sh", "requirements.txt"):
        shutil.copy(ROOT / "runtime" / name, root / "runtime")
    return root


def stand_in(folder: Path, name: str, body: str) -> None:
    """A program of this name that does what the body says, to be found first on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("program", "body", "says"),
    [("uname", "echo MINGW64_NT-10.0", "Windows is not supported"), ("getconf", "echo 32", "64-bit Raspberry Pi OS")],
)
def test_a_machine_that_cannot_is_told_so(copy: Path, tmp_path: Path, program: str, body: str, says: str) -> None:
    stand_in(tmp_path / "bin", program, body)
    done = launch("play", launcher=copy / "timbrebox", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr
    assert not (copy / ".venv").exists()


def test_without_sudo_it_prints_the_line_to_type(copy: Path, tmp_path: Path) -> None:
    stand_in(tmp_path / "bin", "cc", "exit 1")
    stand_in(tmp_path / "bin", "id", "echo 1000")
    stand_in(tmp_path / "bin", "sudo", "exit 1")
    stand_in(tmp_path / "bin", "apt-get", 'touch "$0.ran"')
    done = launch("play", launcher=copy / "timbrebox", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2
    assert "type this" in line
    assert "sudo apt-get update && sudo apt-get install -y" in line
    assert "portaudio19-dev" in line
    assert not (tmp_path / "bin" / "apt-get.ran").exists()


def test_a_failed_change_keeps_the_environment_that_worked(copy: Path, tmp_path: Path) -> None:
    (copy / "runtime" / "__main__.py").write_text("import sys; print(*sys.argv[1:])")
    (copy / "runtime" / "requirements.txt").write_text("")
    first = launch("devices", "--all", launcher=copy / "timbrebox")
    assert (first.returncode, first.stdout) == (0, "devices --all\n"), first.stderr
    again = launch("devices", launcher=copy / "timbrebox")
    assert (again.stdout, again.stderr) == ("devices\n", "")
    (copy / "runtime" / "requirements.txt").write_text("./no-such-package\n")
    changed = launch("devices", launcher=copy / "timbrebox")
    assert (changed.returncode, changed.stdout) == (1, "")
    assert "no-such-package" in changed.stderr
    assert (copy / ".venv" / "installed.txt").exists()
    (copy / "runtime" / "requirements.txt").write_text("")
    assert launch("devices", launcher=copy / "timbrebox").stderr == ""
