"""The launcher as a user sees it: it works from any folder."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKAGES = ("runtime", "training", "export")
COMMANDS = {path.stem: path for package in PACKAGES for path in sorted((ROOT / package / "commands").rglob("[!_]*.py"))}
LARGEST_LEAN_MB = 200
TERMINAL_COLUMNS = 80
HELLO = '''"""Say hello."""


def add_arguments(parser):
    parser.add_argument("name")


def run(arguments):
    print("hello", arguments.name)
'''


def launch(
    *arguments: object, launcher: Path = ROOT / "timbrebox", cwd: Path = ROOT, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the launcher with the tests' environment variables except PYTHON*, and with the variables `env`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [str(launcher), *map(str, arguments)], cwd=cwd, env=clean | env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def lean_environment() -> Path:
    done = launch("instruments")
    assert (ROOT / ".venv" / "installed.txt").exists(), done.stderr
    return ROOT / ".venv"


def usage_of(launcher: Path, *arguments: str) -> dict[str, str]:
    done = launch(*arguments, launcher=launcher)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= TERMINAL_COLUMNS
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")]
    assert len(dict(lines)) == len(lines)
    return dict(lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_first_line_arguments_and_a_run(command: str) -> None:
    text = COMMANDS[command].read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree)
    assert docstring
    assert text.startswith(f'"""{docstring.splitlines()[0]}')
    assert docstring[0].isupper()  # the command's name would be in lower case; the usage adds it before the sentence
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"add_arguments", "run"} <= functions


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_usage_lists_every_command_with_its_first_line(arguments: list[str]) -> None:
    listed = usage_of(ROOT / "timbrebox", *arguments)
    first_lines = {name: path.read_text(encoding="utf-8").splitlines()[0] for name, path in COMMANDS.items()}
    assert listed.pop("test")
    assert listed == {name: line.strip('"') for name, line in first_lines.items()}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("rendr", "did you mean 'render'?"),
        ("instrument", "did you mean 'instruments'?"),
        ("pay", "did you mean 'play'?"),
        ("xyzzyxyzzy", "--help lists them"),
        ("docter", "did you mean 'doctor'?"),
        ("companion", "--help lists them"),
        ("__init__", "--help lists them"),
        ("../runtime/commands/play", "--help lists them"),
        ("a*b", "--help lists them"),
    ],
)
def test_unknown_command_is_one_line_with_the_nearest_name(typed: str, answer: str) -> None:
    done = launch(typed)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert repr(typed) in done.stderr
    assert done.stderr.rstrip().endswith(answer)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(name, marks=() if path.is_relative_to(ROOT / "runtime") else pytest.mark.workshop)
        for name, path in COMMANDS.items()
    ],
)
def test_every_command_tells_how_it_is_used(command: str, lean_environment: Path) -> None:
    done = launch(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: timbrebox {command}")


def test_lean_environment_is_small_and_has_no_pip(lean_environment: Path) -> None:
    files = [path for path in lean_environment.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_blocks * 512 for path in files) <= LARGEST_LEAN_MB * 2**20
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
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "runtime", root / "runtime", ignore=shutil.ignore_patterns("__pycache__", "bundled"))
    shutil.copy(ROOT / "timbrebox", root)
    return root


def test_a_copy_without_the_workshop_lists_and_knows_only_what_is_there(copy: Path) -> None:
    listed = usage_of(copy / "timbrebox")
    assert set(listed) == {name for name, path in COMMANDS.items() if path.is_relative_to(ROOT / "runtime")}
    for missing in ("corpus", "export", "test"):
        done = launch(missing, launcher=copy / "timbrebox")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"found the command {missing!r}" in done.stderr


def test_a_new_file_is_a_new_command(copy: Path) -> None:
    (copy / "runtime" / "requirements.txt").write_text("")
    (copy / "runtime" / "commands" / "hello.py").write_text(HELLO)
    assert usage_of(copy / "timbrebox")["hello"] == "Say hello."
    first = launch("hello", "you", launcher=copy / "timbrebox")
    assert (first.returncode, first.stdout) == (0, "hello you\n"), first.stderr
    helped = launch("hello", "--help", launcher=copy / "timbrebox")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("usage: timbrebox hello")
    assert "Say hello." in helped.stdout
    wrong = launch("helo", "you", launcher=copy / "timbrebox")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "did you mean 'hello'?" in wrong.stderr


def stand_in(folder: Path, name: str, body: str) -> None:
    """Write a shell script that replaces the program `name`; the caller must put `folder` first on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("program", "body", "says"),
    [("uname", "echo MINGW64_NT-10.0", "Windows is not supported"), ("getconf", "echo 32", "64-bit Raspberry Pi OS")],
)
def test_an_unsuitable_machine_is_refused_in_one_line(
    copy: Path, tmp_path: Path, program: str, body: str, says: str
) -> None:
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
