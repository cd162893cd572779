"""Writes decoders built by hand, exactly in tune: tiny.onnx, tiny-chroma.onnx and tiny-none.onnx.

It also writes an encoder built by hand, tiny.encoder.onnx. Its first latent is the share of a frame's magnitudes that
lies from 500 to 1500 Hz. Its second latent is the share above 1500 Hz.

A decoder has three hidden units for each note. They are 0 unless the conditioning selects the note. For a selected
note, the first unit is 1, and plays the fundamental. The second unit equals latent 1, and plays harmonics 2 to 5. The
third unit equals latent 2, and plays harmonics 6 to 24.

tiny         three octaves
tiny-chroma  12 pitch classes, which sound in the octave from A3
tiny-none    only C4

Run as `python -m tests.data.make_tiny [FOLDER]`, with the packages for training installed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, periodic_hann
from runtime.base.private_onnxruntime import onnxruntime
from runtime.instrument.card import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, Card, CardPreset, Check, Latent
from runtime.instrument.conditioning import Conditioning
from runtime.instrument.decoder import Decoder

LOWEST, N_OCTAVES, N_LATENTS = 48, 3, 2
EDGES_HZ = (500.0, 1500.0)
CHROMA_RANGE, NONE_RANGE = (57, 92), (48, 72)
HIGHEST_HZ, HIGHEST_HZ_OF_THE_SMALL = 12000.0, 5500.0
SPEC = StftSpec()


def harmonics(note: int, first: int, last: int, highest_hz: float) -> np.ndarray:
    """The spectrum of a note's harmonics `first` to `last`, (n_bins,). Harmonic k has the peak 1 / k.

    Harmonics at or above highest_hz are left out.
    """
    time_s = np.arange(SPEC.frame_size) / SPEC.sample_rate_hz
    window = periodic_hann(SPEC.frame_size)
    total = np.zeros(SPEC.n_bins)
    for k in range(first, last + 1):
        frequency_hz = k * note_to_hz(note)
        if frequency_hz < highest_hz:
            total += np.abs(np.fft.rfft(window * np.exp(2j * np.pi * frequency_hz * time_s).real)) / k
    return total / (SPEC.frame_size / 4)


def graph_for(rows: np.ndarray, notes: np.ndarray, highest_hz: float) -> onnx.GraphProto:
    """A decoder that plays notes[i] if its conditioning is rows[i], with harmonics below highest_hz.

    Silent bins need no stored weights, so a low highest_hz makes a small file.
    """
    n, n_inputs = len(notes), N_LATENTS + rows.shape[1]
    gates = np.zeros((n_inputs, 3 * n), np.float32)
    gates[N_LATENTS:] = np.tile(rows.T, 3)
    gates[0, n : 2 * n] = gates[1, 2 * n :] = 1.0
    n_hot = rows[0].sum()
    bias = np.repeat([1.0 - n_hot, -n_hot, -n_hot], n).astype(np.float32)
    spectra = np.array([harmonics(note, *span, highest_hz) for span in ((1, 1), (2, 5), (6, 24)) for note in notes])
    weights = np.where(spectra > 1e-3, spectra, 0.0).astype(np.float32)
    padded = highest_hz < HIGHEST_HZ
    if padded:
        weights = weights[:, : int(np.flatnonzero(weights.any(axis=0))[-1]) + 1]
    nodes = [
        helper.make_node("Gemm", [INPUT_NAME, "gates", "bias"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["open"]),
        helper.make_node("MatMul", ["open", "spectra"], ["sounding" if padded else OUTPUT_NAME]),
    ]
    constants = {"gates": gates, "bias": bias, "spectra": weights}
    if padded:
        nodes.append(helper.make_node("Pad", ["sounding", "pads"], [OUTPUT_NAME]))
        constants["pads"] = np.array([0, 0, 0, SPEC.n_bins - weights.shape[1]], np.int64)
    return helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["n", n_inputs])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["n", SPEC.n_bins])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )


def write(
    path: Path, conditioning: Conditioning, notes: np.ndarray, note_range: tuple[int, int], highest_hz: float
) -> None:
    """Write an instrument whose harmonics lie below highest_hz.

    notes: the MIDI notes that the decoder can play.
    note_range: the lowest and the highest note, as the card states them.
    """
    graph = graph_for(conditioning.rows(notes), notes, highest_hz)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    row = np.concatenate([[0.5, 0.25], conditioning.rows([60])[0]]).astype(np.float32)[None]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output = session.run([OUTPUT_NAME], {INPUT_NAME: row})[0]
    card = Card(
        card_version=1,
        name=path.stem,
        latents=(Latent("low harmonics", 0.0, 1.0, 0.5), Latent("high harmonics", 0.0, 1.0, 0.25)),
        conditioning=conditioning,
        note_range=note_range,
        presets=(CardPreset("mellow", (0.5, 0.0)), CardPreset("bright", (1.0, 1.0))),
        corpus="none: built by hand",
        licence="MIT",
        check=Check(row.tolist(), [[float(f"{value:.8g}") for value in output[0]]]),
    )
    model.metadata_props.append(onnx.StringStringEntryProto(key=METADATA_KEY, value=card.to_json()))
    onnx.save(model, path)


def write_encoder(path: Path, instrument: Card) -> None:
    """Write the encoder of an instrument, given the instrument's card."""
    frequency_hz = np.arange(SPEC.n_bins) * SPEC.bin_hz
    low_hz, high_hz = EDGES_HZ
    ones = np.ones_like(frequency_hz)
    bands = np.stack([(frequency_hz >= low_hz) & (frequency_hz < high_hz), frequency_hz >= high_hz], axis=1)
    constants = {"bands": bands.astype(np.float32), "ones": ones[:, None].astype(np.float32)}
    constants["nothing"] = np.zeros((12, N_LATENTS), np.float32)
    nodes = [
        helper.make_node("MatMul", [OUTPUT_NAME, "bands"], ["parts"]),
        helper.make_node("MatMul", [OUTPUT_NAME, "ones"], ["whole"]),
        helper.make_node("Div", ["parts", "whole"], ["shares"]),
        helper.make_node("MatMul", ["chroma", "nothing"], ["unmoved"]),
        helper.make_node("Add", ["shares", "unmoved"], ["latents"]),
    ]
    sizes = {OUTPUT_NAME: SPEC.n_bins, "chroma": 12}
    graph = helper.make_graph(
        nodes,
        "tiny_encoder",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in sizes.items()],
        [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["n", N_LATENTS])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    frame = np.zeros(SPEC.n_bins)
    frame[[20, 60, 100, 200]] = 1.0, 0.5, 0.25, 0.25
    card = {
        "card_version": 1,
        "encoder_of": instrument.name,
        "sample_rate_hz": SPEC.sample_rate_hz,
        "frame_size": SPEC.frame_size,
        "hop_size": SPEC.hop_size,
        "window": SPEC.window,
        "inputs": [{"name": name, "size": size} for name, size in sizes.items()],
        "output": {"name": "latents", "size": N_LATENTS},
        "labels": "known",
        "latents": msgspec.to_builtins(instrument.latents),
        "check": {"input": [frame.tolist(), [0.0] * 12], "output": [0.375, 0.125]},
    }
    model.metadata_props.append(onnx.StringStringEntryProto(key=METADATA_KEY, value=json.dumps(card)))
    onnx.save(model, path)


def main(folder: Path) -> None:
    notes = np.arange(LOWEST, LOWEST + 12 * N_OCTAVES)
    write(folder / "tiny.onnx", Conditioning("chroma+octave", LOWEST, N_OCTAVES), notes,
          (LOWEST, int(notes[-1])), HIGHEST_HZ)  # fmt: skip
    write_encoder(folder / "tiny.encoder.onnx", Decoder(folder / "tiny.onnx").card)
    lowest = CHROMA_RANGE[0]
    write(folder / "tiny-chroma.onnx", Conditioning("chroma"), np.arange(lowest, lowest + 12),
          CHROMA_RANGE, HIGHEST_HZ_OF_THE_SMALL)  # fmt: skip
    write(folder / "tiny-none.onnx", Conditioning("none"), np.array([sum(NONE_RANGE) // 2]),
          NONE_RANGE, HIGHEST_HZ_OF_THE_SMALL)  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
