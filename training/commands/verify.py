"""Measure a finished instrument again; compare it with its card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target, write_json
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import encoder_path, load_encoder
from training.measure.playability import N_POINTS

# The largest allowed difference between a figure measured now and the same figure on the card. Small differences are
# harmless: machines round differently, and `--points` can ask for fewer notes than were played for the card.
TOLERANCES = {"in_tune": 0.01, "octave_off": 0.005, "told_apart_still": 0.03, "told_apart_path": 0.03}
TOLERANCE_DB = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `verify`."""
    parser.add_argument("instrument", type=Path, metavar="F.onnx", help="the instrument")
    corpus = "the corpus that it was taught, to measure its likeness too"
    parser.add_argument("--corpus", type=Path, metavar="DIR", help=corpus)
    points = f"notes to play at random knob positions (default: {N_POINTS})"
    parser.add_argument("--points", type=at_least(1), metavar="N", default=N_POINTS, help=points)
    parser.add_argument("--json", type=Path, metavar="F", help="also write the figures to this file")


def run(arguments: argparse.Namespace) -> int:
    """Print each figure measured now beside the same figure on the card.

    Returns 1 if any differs by more than its tolerance, else 0.
    """
    if arguments.json:
        refuse_bad_target(arguments.json, inputs=[arguments.instrument])
    instrument = Decoder(arguments.instrument)
    card = instrument.card
    if card.conditioning.kind != "chroma+octave":
        found = f"an instrument with conditioning {card.conditioning.kind}"
        raise UserError(arguments.instrument, found, "chroma+octave, whose notes can be measured", "see: evaluate")
    figures = _measured(instrument, arguments)
    stated = card.measured if isinstance(card.measured, dict) else {}
    rows = {name: {"card": stated.get(name), "now": value} for name, value in figures.items()}
    wrong = [name for name, row in rows.items() if _differs(name, row["card"], row["now"])]
    for name, row in rows.items():
        print(f"{name:24} card {_shown(row['card']):>8}  now {_shown(row['now']):>8}{'  differs' * (name in wrong)}")
    if arguments.json:
        write_json(arguments.json, {"instrument": card.name, "figures": rows, "differs": wrong})
    print(f"{arguments.instrument}: " + (f"{len(wrong)} figures are not its card's" if wrong else "as its card says"))
    return 1 if wrong else 0


def _measured(instrument: Decoder, arguments: argparse.Namespace) -> dict[str, Any]:
    from training.corpus.frames import FrameStore
    from training.measure.likeness import measure_likeness
    from training.measure.playability import measure_points

    points = measure_points(instrument, arguments.points)
    figures = {name: points[name] for name in ("in_tune", "octave_off")}
    if encoder_path(instrument.path).exists():
        encoder = load_encoder(instrument)  # this refuses another instrument's encoder
        if arguments.corpus:
            figures |= measure_likeness(instrument, encoder.latents, FrameStore.open(arguments.corpus))
    return figures


def _differs(name: str, stated: float | None, found: float | None) -> bool:
    if stated is None or found is None:
        return stated is not found and stated is not None
    return abs(found - stated) > TOLERANCES.get(name, TOLERANCE_DB if name.endswith("_db") else 0.05)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
