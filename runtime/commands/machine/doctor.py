"""Say whether this machine can play well, and what would help."""

from __future__ import annotations

import argparse
import json

import msgspec

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, refuse_bad_target, write_json
from runtime.config import DEFAULT_CONFIG, Config, load_config
from runtime.doctor.examination import CHECKS, examine
from runtime.doctor.findings import BAD, Finding, Given, screen_lines, summary, worst
from runtime.doctor.playing import ask_playing
from runtime.doctor.report import report_text, version

FORMAT_VERSION = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    parser.add_argument("--json", metavar="F", help="also write the findings to this file")
    parser.add_argument("--report", metavar="F", help="also write a text to send, without private names")
    parser.add_argument("--config", metavar="F", help="settings (YAML), as for play")
    parser.add_argument("--instrument", metavar="NAME|F.onnx", help="what you want to play (see: instruments)")
    parser.add_argument("--lines", action="store_true", help=argparse.SUPPRESS)  # each finding as a line of JSON


def run(arguments: argparse.Namespace) -> int:
    """Print each finding as soon as it is known; returns 1 if something is bad, else 0."""
    for target in filter(None, (arguments.json, arguments.report)):
        refuse_bad_target(target, inputs=(arguments.config or DEFAULT_CONFIG,), makes_folder=False)
    findings: list[Finding] = []
    given = _given(arguments, findings)
    say = _say_line if arguments.lines else _say
    say(findings)
    for finding in examine(given):
        findings.append(finding)
        say([finding])
    if not arguments.lines:
        print(f"\n{summary(findings)}")
    _write(arguments, findings, given)
    return int(worst(findings) == BAD)


def _given(arguments: argparse.Namespace, findings: list[Finding]) -> Given:
    try:
        config = load_config(arguments.config)
    except UserError as error:
        findings.append(Finding("Settings", BAD, str(error), "mend the line in that file"))
        config = Config()
    playing, problem = ask_playing()
    if problem:
        findings.append(Finding("Link", BAD, problem, "start play again, or join its group: see docs/link.md"))
    return Given(config, arguments.instrument, playing=playing)


def _say(findings: list[Finding]) -> None:
    for line in screen_lines(findings):
        print(line, flush=True)


def _say_line(findings: list[Finding]) -> None:
    for finding in findings:
        print(json.dumps({"n_checks": len(CHECKS), "finding": msgspec.to_builtins(finding)}), flush=True)


def _write(arguments: argparse.Namespace, findings: list[Finding], given: Given) -> None:
    if arguments.json:
        tree = {
            "doctor_version": FORMAT_VERSION,
            "version": version(),
            "verdict": worst(findings),
            "findings": msgspec.to_builtins(findings),
            "figures": given.figures,
            "playing": given.playing,
        }
        write_json(arguments.json, tree, makes_folder=False)
    if arguments.report:
        lines = [*screen_lines(findings, width=100), "", summary(findings)]
        with atomic_write(arguments.report, makes_folder=False) as stream:
            stream.write(report_text(lines))
        print(f"The report is in {arguments.report}; read it before you send it.")
