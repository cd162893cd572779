"""`play --demo` plays the piece's own instrument, whatever the usual settings file names."""

from __future__ import annotations

import argparse

import pytest

from runtime.commands import play
from runtime.config import Config


@pytest.mark.parametrize(
    ("options", "instrument", "preset"),
    [
        ("", "fm", "bells"),
        ("--demo", "virtual-analogue", None),
        ("--demo --instrument pads", "virtual-analogue", None),  # the option wins later, in `choose_with_memory`
        ("--demo --config mine.yaml", "fm", "bells"),
    ],
)
def test_the_settings_with_which_a_demo_is_played(options: str, instrument: str, preset: str | None) -> None:
    parser = argparse.ArgumentParser()
    play.add_arguments(parser)
    found = play._with_options(Config(instrument="fm", preset="bells"), parser.parse_args(options.split()))
    assert (found.instrument, found.preset) == (instrument, preset)
