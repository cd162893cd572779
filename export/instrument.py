"""Turn a trained run into an instrument: two ONNX files that describe themselves, written only when proven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from export.card import decoder_card, encoder_card
from export.presets import choose_presets
from export.to_onnx import add_metadata, check_parity, convert
from runtime.base.errors import UserError
from runtime.base.files import written_whole
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
    """Where the encoder of an instrument file lies: beside it."""
    return out.with_name(out.stem + ENCODER_SUFFIX)


def instrument_paths(out: Path, force: bool) -> list[Path]:
    """The decoder's and the encoder's path; UserError if either is there and `force` is not given."""
    paths = [out, encoder_path(out)]
    if out.suffix != ".onnx":
        raise UserError("--out", str(out), "a name that ends in .onnx", "add .onnx")
    for path in paths:
        if path.exists() and not force:
            raise UserError(path, "a file that is already there", "a new one", "give another --out, or --force")
    return paths


def export_instrument(
    run: TrainedRun, store: FrameStore, out: Path, name: str, force: bool = False, n_points: int = N_POINTS
) -> list[Path]:
    """Write the run's decoder to `out` and its encoder beside it; returns both paths.

    n_points: how many notes are played at random knobs for the figures in the card. UserError if either file is there
    and `force` is not given, or if Keras and ONNX Runtime differ: then nothing is written.
    """
    paths = instrument_paths(out, force)
    contents = _serialize(run, store, name, out, n_points)
    for path, content in zip(paths, contents, strict=True):
        with written_whole(path, "wb") as stream:
            stream.write(content)
    verify(out)
    return paths


def verify(path: Path) -> None:
    """Load a written instrument as any host would, with plain onnxruntime, and compare it with its own check pair."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    card = parse_card(session.get_modelmeta().custom_metadata_map[METADATA_KEY], path)
    given = np.asarray(card.check.input, np.float32)
    output = session.run([OUTPUT_NAME], {session.get_inputs()[0].name: given})[0]
    difference = float(np.abs(output - np.asarray(card.check.output, np.float32)).max())
    if not difference <= 1e-5:
        raise RuntimeError(f"{path}: the written file is {difference:.2g} off its own check pair")


def _serialize(run: TrainedRun, store: FrameStore, name: str, out: Path, n_points: int) -> tuple[bytes, bytes]:
    """Both files' bytes, proven on real frames of the corpus."""
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
