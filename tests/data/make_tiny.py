"""Write tiny.onnx: a real decoder, built by hand, that is in tune by construction.

Its hidden units are gates: one a note, open for the right chroma and octave, and two more a note that a latent opens.
Latent 1 brings in harmonics 2 to 5, latent 2 those above. Run it in the workshop: python tests/data/make_tiny.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from runtime.card import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, Card, CardPreset, Check, Latent  # noqa: E402
from runtime.conditioning import Conditioning  # noqa: E402
from runtime.pitch import note_to_hz  # noqa: E402
from runtime.spectrum import StftSpec, periodic_hann  # noqa: E402

LOWEST, N_OCTAVES, N_LATENTS = 48, 3, 2
SPEC = StftSpec()


def harmonics(note: int, first: int, last: int) -> np.ndarray:
    """Magnitudes (n_bins,) of harmonics first to last of a note, falling as 1 / k, peak 1 for the fundamental."""
    time_s = np.arange(SPEC.frame_size) / SPEC.sample_rate_hz
    window = periodic_hann(SPEC.frame_size)
    total = np.zeros(SPEC.n_bins)
    for k in range(first, last + 1):
        frequency_hz = k * note_to_hz(note)
        if frequency_hz < 12000.0:
            total += np.abs(np.fft.rfft(window * np.exp(2j * np.pi * frequency_hz * time_s).real)) / k
    return total / (SPEC.frame_size / 4)


def main(path: Path) -> None:
    """Build, check and write the model."""
    conditioning = Conditioning("chroma+octave", LOWEST, N_OCTAVES)
    notes = np.arange(LOWEST, LOWEST + 12 * N_OCTAVES)
    rows = conditioning.rows(notes).T
    n = len(notes)
    gates = np.zeros((N_LATENTS + conditioning.size, 3 * n), np.float32)
    gates[N_LATENTS:] = np.tile(rows, 3)
    gates[0, n : 2 * n] = gates[1, 2 * n :] = 1.0
    bias = np.repeat([-1.0, -2.0, -2.0], n).astype(np.float32)
    spectra = [harmonics(note, *span) for span in ((1, 1), (2, 5), (6, 24)) for note in notes]
    weights = np.where(np.array(spectra) > 1e-3, spectra, 0.0).astype(np.float32)

    graph = helper.make_graph(
        [
            helper.make_node("Gemm", [INPUT_NAME, "gates", "bias"], ["sums"]),
            helper.make_node("Relu", ["sums"], ["open"]),
            helper.make_node("MatMul", ["open", "spectra"], [OUTPUT_NAME]),
        ],
        "tiny",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["n", N_LATENTS + conditioning.size])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["n", SPEC.n_bins])],
        [
            numpy_helper.from_array(gates, "gates"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(weights, "spectra"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    row = np.concatenate([[0.5, 0.25], conditioning.rows([60])[0]]).astype(np.float32)[None]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output = session.run([OUTPUT_NAME], {INPUT_NAME: row})[0]
    card = Card(
        card_version=1,
        name="tiny",
        latents=(Latent("low harmonics", 0.0, 1.0, 0.5), Latent("high harmonics", 0.0, 1.0, 0.25)),
        conditioning=conditioning,
        note_range=(LOWEST, int(notes[-1])),
        presets=(CardPreset("mellow", (0.5, 0.0)), CardPreset("bright", (1.0, 1.0))),
        corpus="none: built by hand",
        licence="MIT",
        check=Check(row.tolist(), [[float(f"{value:.8g}") for value in output[0]]]),
    )
    model.metadata_props.append(onnx.StringStringEntryProto(key=METADATA_KEY, value=card.to_json()))
    onnx.save(model, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "tiny.onnx")
