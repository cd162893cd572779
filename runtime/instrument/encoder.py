"""An instrument's encoder, the ONNX file that turns spectra into latents."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from runtime.acoustics.pitch import N_CHROMA, detect_chroma
from runtime.base.checked_yaml import checked
from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.instrument.card import CARD_VERSION, OUTPUT_NAME, Card, Check, Latent
from runtime.instrument.decoder import MAX_BATCH, Decoder
from runtime.instrument.session import (
    EXPORT_AGAIN,
    LARGEST_ONNX_BYTES,
    bind_rows,
    card_text,
    open_session,
    refuse_other_ends,
)

SUFFIX = ".encoder.onnx"
LATENTS_NAME, CHROMA_NAME = "latents", "chroma"
CHECK_TOLERANCE = 1e-3


class _End(msgspec.Struct, frozen=True):
    name: str
    size: int


class EncoderCard(msgspec.Struct, frozen=True, kw_only=True):
    """An encoder's description of itself: JSON in its ONNX metadata.

    encoder_of: name of the instrument.
    inputs, output: those of the ONNX graph.
    labels: where the pitch class in the input `chroma` comes from. `known`: from the note. `detected`: from the
        spectrum.
    Other fields: as in Card.
    """

    card_version: Annotated[int, msgspec.Meta(ge=1, le=CARD_VERSION)]
    encoder_of: str
    sample_rate_hz: int
    frame_size: int
    hop_size: int
    window: str
    inputs: tuple[_End, ...]
    output: _End
    labels: Literal["known", "detected"] = "known"
    latents: tuple[Latent, ...]
    check: Check


def encoder_path(instrument: Path) -> Path:
    """The path of an instrument's encoder, NAME.encoder.onnx beside NAME.onnx."""
    return instrument.with_name(instrument.stem + SUFFIX)


def load_encoder(decoder: Decoder) -> Encoder:
    """The encoder beside a loaded instrument; UserError as in Encoder."""
    return Encoder(encoder_path(decoder.path), decoder.card)


class Encoder:
    """A loaded encoder. It computes latents from spectra. The latents are in the decoder's units.

    Before calling `encode`, write `magnitudes`. If `reads_chroma` is true, write `chroma`, too.
    magnitudes: rows of spectra with a highest magnitude of 1, float32 (MAX_BATCH, n_bins).
    chroma: rows with a 1 at the pitch class, else 0, float32 (MAX_BATCH, 12).
    outputs: the latents, float32 (MAX_BATCH, n_latents).

    UserError if the file is no valid encoder of this instrument, or does not encode the check inputs in its own card
    to the check outputs there.
    """

    def __init__(self, path: str | Path, card: Card):
        self.path = Path(path)
        remedy = f"export {card.name} again, or choose another instrument"
        self._session = open_session(self.path, f"the encoder of {card.name}", remedy)
        _refuse_other_file(self.path, card)
        own = _read_card(card_text(self._session, self.path), card, self.path)
        sizes = {end.name: end.size for end in own.inputs}
        refuse_other_ends(self._session, sizes, (own.output.name, own.output.size), self.path)
        self._spec, self._detects = card.spec, own.labels == "detected"
        self.reads_chroma = CHROMA_NAME in sizes
        self.magnitudes = np.zeros((MAX_BATCH, card.spec.n_bins), np.float32)
        self.chroma = np.zeros((MAX_BATCH, N_CHROMA), np.float32)
        self.outputs = np.zeros((MAX_BATCH, card.n_latents), np.float32)
        arrays = {OUTPUT_NAME: self.magnitudes} | ({CHROMA_NAME: self.chroma} if self.reads_chroma else {})
        bound = arrays, (own.output.name, self.outputs)
        self._bindings = [bind_rows(self._session, *bound, n) for n in range(1, MAX_BATCH + 1)]
        self._verify_check_pair([arrays[end.name] for end in own.inputs], own.check)

    def encode(self, n_rows: int) -> np.ndarray:
        """Encode the first n_rows rows of `magnitudes` and `chroma`. Returns a view of `outputs`.

        n_rows: 1 to MAX_BATCH.
        """
        self._session.run_with_iobinding(self._bindings[n_rows - 1])
        latents = self.outputs[:n_rows]
        if not np.isfinite(latents).all():
            latents[~np.isfinite(latents)] = 0.0
        return latents

    def set_chroma(self, row: int, note: int) -> None:
        """Write a row of `chroma`: 1 at the pitch class, else 0.

        The pitch class comes from `note`, or from the spectrum in this row of `magnitudes` if the card's `labels` is
        "detected".
        """
        pitch_class = note % N_CHROMA
        if self._detects:
            pitch_class = int(detect_chroma(self.magnitudes[row : row + 1], self._spec.bin_hz)[0])
        self.chroma[row] = 0.0
        self.chroma[row, pitch_class] = 1.0

    def latents(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        """The latents of spectra, float32 (n, n_latents).

        frames: the spectra, (n, n_bins), each with a highest magnitude of 1.
        notes: their MIDI notes, (n,).
        """
        frames, notes = np.asarray(frames, np.float32), np.asarray(notes, int)
        out = np.empty((len(frames), self.outputs.shape[1]), np.float32)
        for first in range(0, len(frames), MAX_BATCH):
            rows = frames[first : first + MAX_BATCH]
            self.magnitudes[: len(rows)] = rows
            if self.reads_chroma:
                for row in range(len(rows)):
                    self.set_chroma(row, int(notes[first + row]))
            out[first : first + len(rows)] = self.encode(len(rows))
        return out

    def _verify_check_pair(self, arrays: list[np.ndarray], check: Check) -> None:
        where = f"{self.path}, card, check"
        remedy = "the file is damaged or was changed; export it again"
        try:
            for values, given in zip(arrays, check.input, strict=True):
                values[0] = np.asarray(given, np.float32).reshape(values.shape[1])
            expected = np.asarray(check.output, np.float32).reshape(self.outputs.shape[1])
        except (TypeError, ValueError, OverflowError):
            raise UserError(where, "a pair of other sizes", "a row for each input and the latents", remedy) from None
        error = float(np.abs(self.encode(1)[0] - expected).max())
        if not error <= CHECK_TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise UserError(where, f"an output {error:.2g} off", f"at most {CHECK_TOLERANCE:g}", remedy)
        for values in arrays:
            values[:] = 0.0


def _refuse_other_file(path: Path, card: Card) -> None:
    if card.encoder is None:
        return
    digest = hashlib.sha256(read_bounded_file(path, f"the encoder of {card.name}", LARGEST_ONNX_BYTES)).hexdigest()
    if digest != card.encoder.sha256:
        remedy = f"put the encoder of {card.name} beside the instrument"
        raise UserError(path, f"SHA-256 {digest[:12]}…", f"{card.encoder.sha256[:12]}…, as its card says", remedy)


def _read_card(text: str, card: Card, path: Path) -> EncoderCard:
    where = f"{path}, card"
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(where, f"broken JSON ({error})", "the JSON that export wrote", EXPORT_AGAIN) from None
    own = checked(tree, EncoderCard, where)
    remedy = f"put the encoder of {card.name} beside the instrument"
    if own.encoder_of != card.name:
        raise UserError(path, f"the encoder of {own.encoder_of}", f"that of {card.name}", remedy)
    if own.latents != card.latents:
        names = ", ".join(latent.name for latent in own.latents)
        wanted = ", ".join(latent.name for latent in card.latents)
        found = f"the latents {names}" if names != wanted else "another travel of the latents"
        raise UserError(path, found, f"those of {card.name}: {wanted}", remedy)
    for name in ("sample_rate_hz", "frame_size", "hop_size", "window"):
        if getattr(own, name) != getattr(card, name):
            raise UserError(where, f"{name} {getattr(own, name)}", f"{getattr(card, name)}", remedy)
    sizes = {OUTPUT_NAME: card.spec.n_bins, CHROMA_NAME: N_CHROMA}
    names = [end.name for end in own.inputs]
    if names not in ([OUTPUT_NAME], list(sizes)) or any(end.size != sizes[end.name] for end in own.inputs):
        shown = ", ".join(f"{end.name} of {end.size}" for end in own.inputs)
        expected = " and perhaps ".join(f"{name} of {size}" for name, size in sizes.items())
        raise UserError(where, f"the inputs {shown}", expected, remedy)
    if own.output != _End(LATENTS_NAME, card.n_latents):
        found = f"the output {own.output.name} of {own.output.size}"
        raise UserError(where, found, f"{LATENTS_NAME} of {card.n_latents}", remedy)
    return own
