"""Commands are found by their files, and only the chosen one is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.__main__ import main
from runtime.base.command_line import Parser, at_least, find_commands, run_command, run_program
from runtime.base.errors import UserError
from tests.support.places import ROOT

GREET = '''"""Greet at 100 %."""


def add_arguments(parser):
    parser.add_argument("name")


def run(arguments):
    print("hello", arguments.name)
    return 3 if arguments.name == "nobody" else None
'''
ENDING = """
import sys
from runtime.base.command_line import run_command
from runtime.base.errors import UserError

def command():
    {}

sys.exit(run_command(command))
"""
BROKEN = '"""Break when it is imported."""\nraise RuntimeError("imported")\n'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    commands = tmp_path / "tiny" / "commands"
    commands.mkdir(parents=True)
    (commands / "__init__.py").touch()
    (commands / "greet.py").write_text(GREET)
    (commands / "broken.py").write_text(BROKEN)
    return tmp_path


def tiny(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; from runtime.base.command_line import run_package; sys.exit(run_package('tiny', sys.argv[1:]))"
    )
    return python("-c", program, *arguments, env={"PYTHONPATH": f"{ROOT}:{package}"})


def python(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, text=True, capture_output=True, check=False, **settings
    )


def test_help_lists_the_first_line_of_every_command_without_importing_it(package: Path) -> None:
    done = tiny(package, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "broken Break when it is imported." in listed
    assert "greet Greet at 100 %." in listed


def test_a_command_runs_next_to_one_that_cannot_be_imported(package: Path) -> None:
    done = tiny(package, "greet", "you")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello you\n", "")
    assert tiny(package, "greet", "nobody").returncode == 3
    assert "RuntimeError: imported" in tiny(package, "broken").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["gret"], "did you mean 'greet'?"),
        (["greet"], "the following arguments are required: name"),
        (["greet", "you", "--loud"], "timbrebox: greet: found unrecognized arguments: --loud"),
        (["greet", "you", "--loud"], "see: timbrebox greet --help"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(package: Path, arguments: list[str], said: str) -> None:
    done = tiny(package, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_a_command_of_the_instrument_imports_no_other() -> None:
    program = (
        "import sys; from runtime.__main__ import main; main(['devices']); "
        "print(*(name for name in sys.modules if name.startswith('runtime.commands.')), file=sys.stderr)"
    )
    assert python("-c", program).stderr == "runtime.commands.machine runtime.commands.machine.devices\n"


def test_every_command_is_found_by_its_file() -> None:
    files = {path.stem for path in (ROOT / "runtime" / "commands").rglob("*.py")}
    assert set(find_commands("runtime")) == files - {"__init__"}


@pytest.mark.parametrize("command", sorted(find_commands("runtime")))
def test_no_line_of_help_is_longer_than_a_terminal_is_wide(
    command: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_program_parses_its_arguments_where_mistakes_are_reported(capsys: pytest.CaptureFixture) -> None:
    parser = Parser(prog="study")
    parser.add_argument("n", type=int)
    assert run_program(parser, lambda arguments: arguments.n, ["5"]) == 5
    assert run_program(parser, lambda arguments: arguments.n, ["five"]) == 2
    assert capsys.readouterr().err.startswith("timbrebox: study: found argument n: invalid int value: 'five'")


def test_a_count_below_its_least_is_refused_by_name(capsys: pytest.CaptureFixture) -> None:
    parser = Parser(prog="study")
    parser.add_argument("--points", type=at_least(2), default=7)
    statuses = {
        text: run_program(parser, lambda arguments: arguments.points, [f"--points={text}"])
        for text in ("5", "1", "-3", "two")
    }
    assert statuses == {"5": 5, "1": 2, "-3": 2, "two": 2}
    assert capsys.readouterr().err.splitlines() == [
        "timbrebox: --points: found 1; expected at least 2; give a larger number",
        "timbrebox: --points: found -3; expected at least 2; give a larger number",
        "timbrebox: study: found argument --points: invalid int value: 'two'; expected a command line as --help shows "
        "it; see: study --help",
    ]


def test_how_a_command_ends_is_its_exit_status(capsys: pytest.CaptureFixture) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    def mistaken() -> int:
        raise UserError("x", "a", "b", "c")

    assert [run_command(lambda: None), run_command(lambda: 1), run_command(mistaken), run_command(interrupted)] == [
        0, 1, 2, 130,
    ]  # fmt: skip
    assert capsys.readouterr().err == "timbrebox: x: found a; expected b; c\ntimbrebox: interrupted\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("raise UserError('x', 'a', 'b', 'c')", 2),
        ("raise KeyboardInterrupt", 130),
    ],
    ids=["mistake", "interrupted"],
)
def test_a_stderr_that_takes_nothing_leaves_the_exit_status(redirection: str, ending: str, status: int) -> None:
    program = ENDING.format(ending)
    line = f'exec "$0" -c "$1" {redirection}'
    done = subprocess.run(["sh", "-c", line, sys.executable, program], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (status, b"")
