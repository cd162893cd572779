"""`train`: trains a model on a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.base.errors import UserError
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.model.recipe import load_recipe

RUNS = Path("runs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of `train`."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="recipe, such as configs/training/tiny.yaml")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="frames that `corpus` wrote")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/ and the recipe's name)")
    parser.add_argument("--epochs", type=int, metavar="N", help="train N epochs instead of the recipe's")
    parser.add_argument("--force", action="store_true", help="replace another run in that folder")


def run(arguments: argparse.Namespace) -> int:
    """Train, or go on with training, as the command line says."""
    if arguments.epochs is not None and arguments.epochs < 1:
        raise UserError("--epochs", str(arguments.epochs), "at least 1", "give a larger number")
    recipe = load_recipe(arguments.config, arguments.epochs)
    folder = arguments.out or RUNS / arguments.config.stem
    train(recipe, FrameStore.open(arguments.corpus), folder, arguments.force)
    return 0
