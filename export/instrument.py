"""Turns a trained run into an instrument: two ONNX files with cards, written only if they compute the same as Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from export.card import decoder_card, encoder_card
from export.presets import choose_presets
from export.to_onnx import add_metadata, check_parity, convert
from runtime.base.errors import UserError
from runtime.base.files import atomic_write, refuse_bad_target
from runtime.base.private_onnxruntime import onnxruntime
from runtime.instrument.card import METADATA_KEY, OUTPUT_NAME, parse_card
from training.corpus.frames import FrameStore
from training.instrument.embedding import batches_of, split_errors
from training.instrument.run_instrument import RunInstrument
from training.measure.playability import N_POINTS
from training.measure.playing_report import measure_playing
from training.model.run_folder import TrainedRun

N_PARITY_ROWS = 512
N_PRESETS = 8
ENCODER_SUFFIX = ".encoder.onnx"


def encoder_path(out: Path) -> Path:
    """The path of the encoder's file, NAME.encoder.onnx, for an instrument's path NAME.onnx."""
    return out.with_name(out.stem + ENCODER_SUFFIX)


def instrument_paths(out: Path, force: bool) -> list[Path]:
    """The paths of decoder and encoder; UserError if one cannot be written, or exists and `force` is not given."""
    paths = [out, encoder_path(out)]
    if out.suffix != ".onnx":
        raise UserError("--out", str(out), "a name that ends in .onnx", "add .onnx")
    for path in paths:
        refuse_bad_target(path)
        if path.exists() and not force:
            raise UserError(path, "a file that is already there", "a new one", "give another --out, or --force")
    return paths


def export_instrument(
    run: TrainedRun, store: FrameStore, out: Path, name: str, force: bool = False, n_points: int = N_POINTS
) -> list[Path]:
    """Write the run's decoder to `out` and its encoder to `encoder_path(out)`; returns both paths.

    name: the instrument's name; n_points: how many notes to play at random knob positions, for the figures in the card.
    UserError, and nothing is written, if either file exists and `force` is not given, or if Keras and ONNX Runtime
    compute different outputs.
    """
    paths = instrument_paths(out, force)
    contents = _serialize(run, store, name, out, n_points)
    for path, content in zip(paths, contents, strict=True):
        with atomic_write(path, "wb") as stream:
            stream.write(content)
    verify(out)
    return paths


def verify(path: Path) -> None:
    """Run a written instrument in plain onnxruntime on its card's check input; RuntimeError if the output differs."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    card = parse_card(session.get_modelmeta().custom_metadata_map[METADATA_KEY], path)
    given = np.asarray(card.check.input, np.float32)
    output = session.run([OUTPUT_NAME], {session.get_inputs()[0].name: given})[0]
    difference = float(np.abs(output - np.asarray(card.check.output, np.float32)).max())
    if not difference <= 1e-5:
        raise RuntimeError(f"{path}: the file's output is {difference:.2g} off the check in its card")


def _serialize(run: TrainedRun, store: FrameStore, name: str, out: Path, n_points: int) -> tuple[bytes, bytes]:
    """The contents of both files; UserError if they and Keras compute different outputs for frames of the corpus."""
    rows = store.rows("train")
    instrument = RunInstrument(run, store)
    latents = instrument.card.latents
    chosen = np.sort(np.random.default_rng(0).choice(rows, min(N_PARITY_ROWS, len(rows)), replace=False))
    encoder_inputs = batches_of(run, store).encoder_inputs(chosen)
    embedded = run.embed(encoder_inputs)
    decoder_rows = np.concatenate([embedded, batches_of(run, store).conditioning_rows(chosen)], axis=1)

    decoder, encoder = convert(run.decoder, OUTPUT_NAME), convert(run.encoder, "latents")
    measured: dict[str, Any] = {
        "parity_decoder": check_parity(run.decoder, decoder.SerializeToString(), [decoder_rows], out),
        "parity_encoder": check_parity(run.encoder, encoder.SerializeToString(), encoder_inputs, encoder_path(out)),
    }
    measured |= {f"{split}_mse": error for split, error in split_errors(run, store).items()}
    if run.record.conditioning.kind == "chroma+octave":
        measured |= measure_playing(instrument, store, run, n_points)
    presets = choose_presets(run, store, latents, N_PRESETS)
    check = decoder_rows[0], run.decode(decoder_rows[:1])[0]
    card = decoder_card(run, store, name, latents, presets, measured, check)
    parse_card(card.to_json(), out)
    add_metadata(decoder, METADATA_KEY, card.to_json())
    encoder_text = encoder_card(run, card, [values[0] for values in encoder_inputs], embedded[0])
    add_metadata(encoder, METADATA_KEY, json.dumps(encoder_text, ensure_ascii=False))
    return decoder.SerializeToString(), encoder.SerializeToString()
