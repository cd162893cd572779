"""The spectrum that is heard follows the decoder's output; a decoder whose weights are all 0 is silent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from runtime.acoustics.spectrum import magnitude_frames
from runtime.base.private_onnxruntime import onnxruntime
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOn
from runtime.instrument.card import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, parse_card
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import BUNDLED_FOLDER, DEFAULT_INSTRUMENT

BUNDLED = BUNDLED_FOLDER / f"{DEFAULT_INSTRUMENT}.onnx"
RATE_HZ = 44100


def render(instrument: Decoder, note: int, positions: np.ndarray) -> np.ndarray:
    engine = Engine(instrument, 1, RATE_HZ, seed=1)
    for latent, position in enumerate(positions):
        engine.post(KnobTurn(latent, float(position)))
    engine.post(NoteOn(0, note, 100))
    sound = np.zeros((2 * RATE_HZ, 2), np.float32)
    engine.render(sound)
    return sound[:, 0]


def decoded(instrument: Decoder, note: int, positions: np.ndarray) -> np.ndarray:
    card = instrument.card
    row = np.concatenate([card.latents_at(positions), card.conditioning.rows(np.array([note]))[0]])
    instrument.inputs[0] = row
    return instrument.decode(1)[0].copy()


@pytest.mark.parametrize("note", [45, 57, 64, 72, 84])
def test_the_mean_spectrum_follows_the_decoder_and_its_knobs(note: int) -> None:
    instrument = Decoder(BUNDLED)
    for positions in np.random.default_rng(note).random((4, instrument.card.n_latents)).round():
        heard = magnitude_frames(render(instrument, note, positions)).mean(axis=0)
        same = np.corrcoef(heard, decoded(instrument, note, positions))[0, 1]
        opposite = np.corrcoef(heard, decoded(instrument, note, 1.0 - positions))[0, 1]
        assert same >= 0.85, (note, positions)
        assert same > opposite, (note, positions)


def test_the_same_file_with_its_weights_at_zero_is_silent(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    for initializer in model.graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype == np.float32:
            initializer.CopyFrom(numpy_helper.from_array(np.zeros_like(values), initializer.name))
    metadata = next(item for item in model.metadata_props if item.key == METADATA_KEY)
    card = parse_card(metadata.value, BUNDLED)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output = session.run([OUTPUT_NAME], {INPUT_NAME: np.array(card.check.input, np.float32)})[0]
    check = msgspec.structs.replace(card.check, output=output.tolist())
    metadata.value = msgspec.structs.replace(card, check=check).to_json()
    onnx.save(model, tmp_path / "zero.onnx")
    instrument = Decoder(tmp_path / "zero.onnx")
    assert not render(instrument, 60, instrument.card.default_positions).any()


def test_a_file_with_altered_weights_fails_its_check(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    largest = max(model.graph.initializer, key=lambda initializer: len(initializer.raw_data))
    values = numpy_helper.to_array(largest) * np.float32(1.01)
    largest.CopyFrom(numpy_helper.from_array(values, largest.name))
    onnx.save(model, tmp_path / "altered.onnx")
    with pytest.raises(Exception, match="found an output"):
        Decoder(tmp_path / "altered.onnx")


def test_the_bundled_instrument_is_small_and_names_its_origin() -> None:
    card = Decoder(BUNDLED).card
    assert BUNDLED.stat().st_size <= 12_000_000
    assert card.note_range == (36, 96)
    assert "amsynth" in str(card.corpus)
    assert "GPL" in str(card.licence)
    assert card.training
    assert card.measured
    assert card.presets
