"""Loads an instrument's decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.base.errors import UserError
from runtime.instrument.card import INPUT_NAME, OUTPUT_NAME, parse_card
from runtime.instrument.session import MAX_BATCH, bind_rows, card_text, open_session, refuse_other_ends

CHECK_TOLERANCE = 1e-4
LARGEST_MAGNITUDE = np.float32(1e4)  # for comparison: a full-scale sine has a magnitude near 1
_LARGEST_POWER = LARGEST_MAGNITUDE**2


class Decoder:
    """A loaded instrument: computes spectra from latents and conditioning, without allocating.

    inputs: each row has the latents and then the conditioning of one spectrum, float32 (MAX_BATCH, card.n_inputs). The
        caller writes the rows.
    magnitudes: the decoded spectra, float32 (MAX_BATCH, card.spec.n_bins).
    batch_invariant: whether a decoded row is bit-identical in a batch of any size.
    n_silenced: number of spectra that `decode` has silenced; they were not finite, or exceeded LARGEST_MAGNITUDE.

    UserError if the file is no valid instrument, or does not decode the card's check inputs to its check outputs.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        remedy = "check the path, or see: ./timbrebox instruments"
        self._session = open_session(self.path, "an .onnx instrument", remedy)
        self.card = parse_card(card_text(self._session, self.path), self.path)
        ends = {INPUT_NAME: self.card.n_inputs}, (OUTPUT_NAME, self.card.spec.n_bins)
        refuse_other_ends(self._session, *ends, self.path)
        self.inputs = np.zeros((MAX_BATCH, self.card.n_inputs), np.float32)
        self.magnitudes = np.zeros((MAX_BATCH, self.card.spec.n_bins), np.float32)
        arrays = {INPUT_NAME: self.inputs}, (OUTPUT_NAME, self.magnitudes)
        self._bindings = [bind_rows(self._session, *arrays, n) for n in range(1, MAX_BATCH + 1)]
        self._verify_check_pair()
        # On processors other than x86-64, a row's result may depend on the number of rows in the batch. If it does,
        # every batch gets the full size, so that a voice sounds the same whatever other voices play.
        self.batch_invariant = self._is_batch_invariant()
        self.n_silenced = 0

    def decode(self, n_rows: int) -> np.ndarray:
        """Decode the first rows of `inputs`; returns their spectra, a view of `magnitudes`.

        n_rows: 1 to MAX_BATCH.
        """
        self._session.run_with_iobinding(self._bindings[n_rows - 1 if self.batch_invariant else MAX_BATCH - 1])
        decoded = self.magnitudes[:n_rows]
        # One NaN makes the sum of squares NaN, and one too large magnitude makes the sum too large. Then `_silence`
        # checks each row.
        if not np.vdot(decoded, decoded) <= _LARGEST_POWER:
            self._silence(decoded)
        return decoded

    def decode_apart(self, rows: np.ndarray) -> np.ndarray:
        """Decode n rows like those of `inputs`; returns a new array, float32 (n, n_bins). Any thread may call this."""
        parts = [rows[first : first + MAX_BATCH] for first in range(0, len(rows), MAX_BATCH)]
        decoded = np.concatenate([self._session.run([OUTPUT_NAME], {INPUT_NAME: part})[0] for part in parts])
        with np.errstate(invalid="ignore"):
            decoded[~(np.abs(decoded).max(axis=1) <= LARGEST_MAGNITUDE)] = 0.0
        return decoded

    def _silence(self, decoded: np.ndarray) -> None:
        for row in decoded:
            if not (row.max() <= LARGEST_MAGNITUDE and row.min() >= -LARGEST_MAGNITUDE):
                row[:] = 0.0
                self.n_silenced += 1

    def _verify_check_pair(self) -> None:
        where = f"{self.path}, card, check"
        remedy = "the file is damaged or was changed; export it again"
        try:
            with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite, and is refused below
                given = np.asarray(self.card.check.input, np.float32).reshape(-1, self.card.n_inputs)
                expected = np.asarray(self.card.check.output, np.float32).reshape(len(given), self.card.spec.n_bins)
        except (ValueError, TypeError, OverflowError):
            shape = f"rows of {self.card.n_inputs} inputs and {self.card.spec.n_bins} magnitudes"
            raise UserError(where, "a pair of other sizes", shape, remedy) from None
        if not len(given):
            raise UserError(where, "an empty pair", "inputs and the outputs that belong to them", remedy)
        for row, target in zip(given, expected, strict=True):
            self.inputs[0] = row
            self._session.run_with_iobinding(self._bindings[0])
            with np.errstate(invalid="ignore"):
                error = float(np.abs(self.magnitudes[0] - target).max())
            if not error <= CHECK_TOLERANCE:
                raise UserError(where, f"an output {error:.2g} off", f"at most {CHECK_TOLERANCE:g}", remedy)

    def _is_batch_invariant(self) -> bool:
        self.inputs[:] = np.random.default_rng(0).random(self.inputs.shape, np.float32)
        self._session.run_with_iobinding(self._bindings[-1])
        full = self.magnitudes.copy()
        if not np.isfinite(full).all():
            remedy = "its weights are broken; train or export it again"
            raise UserError(self.path, "spectra that are not finite", "finite numbers for every knob position", remedy)
        for binding in self._bindings:
            self.magnitudes[:] = full
            self._session.run_with_iobinding(binding)
            if not np.array_equal(self.magnitudes, full):
                return False
        return True
