"""Checks the instrument."""

from __future__ import annotations

from runtime.base.errors import UserError
from runtime.doctor.findings import BAD, GOOD, Finding, Given
from runtime.instrument.decoder import CHECK_TOLERANCE
from runtime.instrument.library import DEFAULT_INSTRUMENT, find, load, sha256_of


def check_instrument(given: Given) -> list[Finding]:
    """Load the instrument.

    Loading checks its operators and its card. It also checks that the instrument still computes the outputs that the
    card stores as a check.
    """
    asked = given.instrument or given.config.instrument
    try:
        decoder = load(asked)
        digest = sha256_of(find(asked))
    except UserError as error:
        remedy = f"play another: ./timbrebox play --instrument {DEFAULT_INSTRUMENT}; all: ./timbrebox instruments"
        return [Finding("Instrument", BAD, str(error), remedy)]
    says = (
        f"{decoder.path.stem}, SHA-256 {digest[:12]}…: its operators are known, its card is whole, "
        f"and it computes what it did when it was made (to {CHECK_TOLERANCE:g})"
    )
    return [Finding("Instrument", GOOD, says)]
