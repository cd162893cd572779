"""Each text of the doctor's findings has a German translation."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.places import ROOT

PAGE = ROOT / "runtime" / "panel" / "page" / "findings.js"
SOURCES = [*sorted((ROOT / "runtime" / "doctor").glob("*.py")), ROOT / "runtime" / "live" / "watching" / "power.py"]
# Matches the strings in SOURCES that appear in no finding: regular expressions, and texts of the report, of the final
# line and of a warning.
NOT_SHOWN = re.compile(
    r"Report of|Replaced:|\nSound cards|what follows|All is good|to mend|To mend|nothing that plays|\\[Swd]|\[|\||\?\)"
)
# Matches texts that need no row in PAGE: commands, texts that the doctor looks for, an exit status, units, and names of
# checks. PAGE translates the names in a table of their own.
NOT_WORDS = re.compile(
    r"^\s*(sudo |echo |printf |@audio)|, status="
    r"|^(Sound card|Who has it|Real time|Too much|status |-bit \(\{\}\)| \(\{\} degrees Celsius\))$"
)


def rows() -> list[tuple[str, str]]:
    lines = re.findall(r"^  (\[\".*\"\]),$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [tuple(json.loads(line)) for line in lines]


def texts(path: Path) -> Iterator[str]:
    """The strings in a Python file, except its docstrings.

    In an f-string, {} stands for each value; at the beginning and at the end of a string, {} is left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.Module | ast.FunctionDef | ast.ClassDef
    begun = [node.body[0] for node in ast.walk(tree) if isinstance(node, kinds)]
    told = {first.value for first in begun if isinstance(first, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    told |= {part for node in joined for part in node.values}
    for node in ast.walk(tree):
        text = None
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told:
            text = node.value
        if text:
            yield re.sub(r"^(\{\})+|(\{\})+$", "", text)


def found() -> set[str]:
    return {text for path in SOURCES for text in texts(path)}


def test_each_row_is_a_text_of_the_doctor_and_has_as_many_gaps_in_german() -> None:
    known = found() | {text.partition(":")[0] for text in found() if text.startswith("Too ")}
    for text, german in rows():
        plain = text.removesuffix("(s)")
        assert plain in known or plain.strip() in known, text
        assert text.count("{}") == german.count("{}"), text


def test_each_text_of_the_doctor_has_a_row() -> None:
    with_row = {text.removesuffix("(s)") for text, _ in rows()}
    in_words = {text for text in found() if " " in text.strip() and re.search("[a-z]{2}", text)}
    left = {text for text in in_words - with_row if not NOT_SHOWN.search(text) and not NOT_WORDS.search(text)}
    assert left == set()


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("123 of 7,900 MB free: play needs 150, and more for each instrument",
         "123 von 7,900 MB frei: play braucht 150, und mehr für jedes Instrument"),
        ("for 2 hours, on null, 3 voices now; 0 of 90 blocks late, 1 underruns: too many",
         "Dauer 2 Std., Ausgabe null, jetzt 3 Stimmen; 0 von 90 Blöcken zu spät, 1 Aussetzer: zu viele"),
        ("runs; restarted by itself 2 times, the last: 2026-01-02 03:04 it crashed",
         "läuft; von selbst neu gestartet: 2 Mal, zuletzt: 2026-01-02 03:04 es ist abgestürzt"),
        ("see what takes it, and end it: top -o %MEM", "nachsehen, was ihn belegt, und es beenden: top -o %MEM"),
        ("2 cores, governor powersave: slow to speed up, so a loud chord may crackle",
         "2 Kerne, Regelung powersave: wird langsam schneller, sodass ein lauter Akkord knistern kann"),
    ],
)  # fmt: skip
def test_a_finding_is_told_in_german(opened: Browser, text: str, german: str) -> None:
    assert opened.evaluate(f"import('/findings.js').then(({{ inGerman }}) => inGerman({json.dumps(text)}))") == german
