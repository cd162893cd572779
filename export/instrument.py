"""Turns a trained run into an instrument: two ONNX files with cards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import onnx

from export.card import decoder_card, encoder_card, sources_of
from export.half import round_weights, store_as_half
from export.map import embedding_of
from export.note_numbers import find_notes_by_number
from export.presets import choose_presets
from export.sound_presets import MOST_PRESETS, moving_presets, positions_at, sounds_of, steady_presets
from export.to_onnx import add_metadata, check_parity, convert
from runtime.base.errors import UserError
from runtime.base.files import atomic_write, refuse_bad_target
from runtime.base.private_onnxruntime import onnxruntime
from runtime.encoding.candidates import coder_of
from runtime.instrument.card import METADATA_KEY, OUTPUT_NAME, Card, CardEncoder, CardPreset, parse_card
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import LATENTS_NAME, encoder_path, load_encoder
from runtime.sound.trajectory.packing import TRAJECTORY_VERSION
from training.corpus.frames import FrameStore
from training.instrument.embedding import batches_of, embed_rows, split_errors
from training.instrument.run_instrument import RunInstrument
from training.measure.likeness import measure_likeness, presets_nearest
from training.measure.playability import N_POINTS, range_in_tune
from training.measure.playing_report import measure_playing
from training.model.run_folder import TrainedRun

N_PARITY_ROWS = 512
N_PRESETS = 8


def instrument_paths(out: Path, force: bool) -> list[Path]:
    """The paths of the decoder's file and the encoder's file.

    UserError if `out` does not end in .onnx, if a file cannot be written, or if it exists and `force` is not given.
    """
    paths = [out, encoder_path(out)]
    if out.suffix != ".onnx":
        raise UserError("--out", str(out), "a name that ends in .onnx", "add .onnx")
    for path in paths:
        refuse_bad_target(path)
        if path.exists() and not force:
            raise UserError(path, "a file that is already there", "a new one", "give another --out, or --force")
    return paths


def export_instrument(
    run: TrainedRun,
    store: FrameStore,
    out: Path,
    name: str,
    force: bool = False,
    n_points: int = N_POINTS,
    recordings: Path | None = None,
    measured: dict[str, Any] | None = None,
    left_out: Sequence[str] = (),
) -> list[Path]:
    """Write the run's decoder to `out` and its encoder to `encoder_path(out)`; returns both paths.

    n_points: notes to play at random knob positions, for the figures in the card.
    recordings: the folder of the corpus's recordings, for presets that move; None for steady ones.
    measured: further figures for the card.
    left_out: sounds that get no preset. Without `recordings`, this list is not used.
    UserError if a file exists and `force` is not given, or if Keras and ONNX Runtime compute different outputs. Nothing
    is written in these cases.
    """
    paths = instrument_paths(out, force)
    round_weights(run.autoencoder.full)
    exported = _Exported.of(run, store, name, out)
    with TemporaryDirectory() as folder:
        card = _whole_card(exported, store, Path(folder) / out.name, n_points, recordings, left_out)
    card = msgspec.structs.replace(card, measured=card.measured | (measured or {}))
    parse_card(card.to_json(), out)
    for path, content in zip(paths, exported.files(card), strict=True):
        with atomic_write(path, "wb") as stream:
            stream.write(content)
    verify(out)
    return paths


def renew_presets(path: Path, store: FrameStore, recordings: Path, left_out: Sequence[str] = ()) -> Path:
    """Choose a finished instrument's presets again, and write them into its card; returns the path.

    recordings: the folder with the corpus's recordings; a clip's name is a path in this folder.
    left_out: sounds that get no preset.
    UserError unless the corpus has exactly these sounds: those in `left_out`, and those with a preset in the card.
    """
    decoder = Decoder(path)
    known, asked = sorted(sounds_of(store)), sorted({*left_out, *(preset.name for preset in decoder.card.presets)})
    if known != asked:
        raise UserError(store.folder, ", ".join(known), ", ".join(asked), "give the corpus that it was taught")
    presets = moving_presets(coder_of(decoder, load_encoder(decoder)), store, recordings, left_out)
    measured = decoder.card.measured | {"presets_nearest": _presets_nearest(decoder, presets, store)}
    card = msgspec.structs.replace(decoder.card, presets=tuple(presets), measured=measured)
    model = onnx.load(path)
    add_metadata(model, METADATA_KEY, card.to_json())
    with atomic_write(path, "wb") as stream:
        stream.write(model.SerializeToString())
    verify(path)
    return path


def verify(path: Path) -> None:
    """Run a written instrument on the input stored in its card; RuntimeError unless it gives the stored output."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    card = parse_card(session.get_modelmeta().custom_metadata_map[METADATA_KEY], path)
    given = np.asarray(card.check.input, np.float32)
    output = session.run([OUTPUT_NAME], {session.get_inputs()[0].name: given})[0]
    difference = float(np.abs(output - np.asarray(card.check.output, np.float32)).max())
    if not difference <= 1e-5:
        raise RuntimeError(f"{path}: the file's output is {difference:.2g} off the check in its card")


@dataclass(frozen=True)
class _Exported:
    """A run's two models as ONNX, and the instrument's card, still without presets.

    encoder: the content of the encoder's file.
    """

    run: TrainedRun
    decoder: Any
    encoder: bytes
    card: Card

    @classmethod
    def of(cls, run: TrainedRun, store: FrameStore, name: str, out: Path) -> _Exported:
        """Convert a run; UserError if Keras and ONNX Runtime compute different outputs for frames of the corpus."""
        rows = store.rows("train")
        instrument = RunInstrument(run, store)
        latents = instrument.card.latents
        chosen = np.sort(np.random.default_rng(0).choice(rows, min(N_PARITY_ROWS, len(rows)), replace=False))
        encoder_inputs = batches_of(run, store).encoder_inputs(chosen)
        embedded = run.embed(encoder_inputs)
        decoder_rows = np.concatenate([embedded, batches_of(run, store).conditioning_rows(chosen)], axis=1)
        decoder, encoder = convert(run.decoder, OUTPUT_NAME), convert(run.encoder, LATENTS_NAME)
        find_notes_by_number(decoder, run.record.conditioning)
        for model in (decoder, encoder):
            store_as_half(model)
        measured: dict[str, Any] = {
            "parity_decoder": check_parity(run.decoder, decoder.SerializeToString(), [decoder_rows], out),
            "parity_encoder": check_parity(run.encoder, encoder.SerializeToString(), encoder_inputs, encoder_path(out)),
        }
        measured |= {f"{split}_mse": error for split, error in split_errors(run, store).items()}
        check = decoder_rows[0], run.decode(decoder_rows[:1])[0]
        card = decoder_card(run, store, name, latents, [], measured, check)
        if card.conditioning.kind == "chroma+octave":
            card = msgspec.structs.replace(card, note_range=range_in_tune(instrument))
        first = [values[0] for values in encoder_inputs]
        about = encoder_card(run.encoder, run.recipe.labels, card, first, embedded[0])
        add_metadata(encoder, METADATA_KEY, json.dumps(about, ensure_ascii=False))
        content = encoder.SerializeToString()
        own = CardEncoder(encoder_path(out).name, hashlib.sha256(content).hexdigest())
        return cls(run, decoder, content, msgspec.structs.replace(card, encoder=own))

    def files(self, card: Card) -> tuple[bytes, bytes]:
        """The contents of two files: the decoder's, with this card in it, and the encoder's."""
        add_metadata(self.decoder, METADATA_KEY, card.to_json())
        return self.decoder.SerializeToString(), self.encoder

    def write(self, path: Path, card: Card) -> None:
        """Write the decoder's file to `path`, and the encoder's file beside it."""
        for target, content in zip((path, encoder_path(path)), self.files(card), strict=True):
            target.write_bytes(content)


def _whole_card(
    exported: _Exported,
    store: FrameStore,
    path: Path,
    n_points: int,
    recordings: Path | None,
    left_out: Sequence[str],
) -> Card:
    """The card with embedding, presets and figures.

    To measure the figures, the instrument is written to `path` and loaded.
    """
    run, card = exported.run, exported.card
    rows = store.rows("train")
    latents = embed_rows(run, store, rows)
    card = msgspec.structs.replace(card, embedding=embedding_of(store, rows, latents, card.latents))
    exported.write(path, card)
    decoder = Decoder(path)
    encoder = load_encoder(decoder)
    presets = _presets(run, store, decoder, encoder, rows, latents, recordings, left_out)
    moves = any(preset.sound for preset in presets)
    measured = dict(card.measured)
    if card.conditioning.kind == "chroma+octave":
        measured |= measure_playing(decoder, store, run, n_points)
        measured |= measure_likeness(decoder, encoder.latents, store)
        measured["presets_nearest"] = _presets_nearest(decoder, presets, store)
        measured |= {key: measured["points"][key] for key in ("in_tune", "octave_off")}
    return msgspec.structs.replace(
        card,
        presets=tuple(presets),
        sources=sources_of(store),
        trajectories=TRAJECTORY_VERSION if moves else None,
        measured=measured,
    )


def _presets_nearest(decoder: Decoder, presets: list[CardPreset], store: FrameStore) -> float | None:
    at = partial(positions_at, presets, [latent.name for latent in decoder.card.latents])
    return presets_nearest(decoder, [preset.name for preset in presets], store, at)


def _presets(
    run, store, decoder, encoder, rows, latents, recordings: Path | None, left_out: Sequence[str]
) -> list[CardPreset]:
    if run.record.conditioning.kind != "chroma+octave" or len(sounds_of(store)) > MOST_PRESETS:
        return choose_presets(run, store, decoder.card.latents, N_PRESETS)
    if recordings is None:
        return steady_presets(store, rows, latents, decoder.card.latents)
    return moving_presets(coder_of(decoder, encoder), store, recordings, left_out)
