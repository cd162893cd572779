"""Train a model on a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.base.command_line import at_least
from training.corpus.frames import FrameStore
from training.learning.train import train
from training.model.recipe import load_recipe
from training.model.run_folder import RUNS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the recipe, the corpus and the run folder to write."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a recipe, such as configs/training/tiny.yaml")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="the folder that `corpus` wrote")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default: runs/ and the recipe's name)")
    parser.add_argument("--epochs", type=at_least(1), metavar="N", help="train N epochs instead of the recipe's")
    parser.add_argument("--force", action="store_true", help="replace another run in that folder")


def run(arguments: argparse.Namespace) -> int:
    """Train by the recipe; continue a run of the same recipe and corpus in the folder after its last finished epoch."""
    recipe = load_recipe(arguments.config, arguments.epochs)
    folder = arguments.out or RUNS / arguments.config.stem
    train(recipe, FrameStore.open(arguments.corpus), folder, arguments.force)
    return 0
