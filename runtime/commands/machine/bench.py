"""Measure how fast this machine plays."""

from __future__ import annotations

import argparse

from runtime.base.files import refuse_bad_target, write_json
from runtime.bench.figures import FULL, QUICK, all_figures
from runtime.bench.report import Report
from runtime.config import DEFAULT_CONFIG, load_config
from runtime.instrument.library import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bench`."""
    parser.add_argument("--json", metavar="F", help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="measure a tenth of everything: half a minute or less")
    parser.add_argument("--config", metavar="F", help="settings (YAML), for the live run")
    parser.add_argument("--instrument", metavar="NAME|F.onnx", help="what to play (see: ./timbrebox instruments)")


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print each figure as soon as it is known; with --json, also write all figures to a file."""
    config = load_config(arguments.config)
    decoder = load(arguments.instrument or config.instrument)
    inputs = (decoder.path, arguments.config or DEFAULT_CONFIG)
    if arguments.json:
        refuse_bad_target(arguments.json, inputs=inputs, makes_folder=False)
    amounts = QUICK if arguments.quick else FULL
    with Report(amounts.about_s) as report:
        figures = all_figures(config, decoder, amounts, report)
    if arguments.json:
        write_json(arguments.json, figures, inputs=inputs, makes_folder=False)
    return 0
