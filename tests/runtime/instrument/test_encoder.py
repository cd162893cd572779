"""An encoder encodes any number of frames; a file that is not the instrument's encoder is refused."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.instrument.card import CardEncoder
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import Encoder, encoder_path, load_encoder
from tests.support.places import DATA

TINY, TINY_ENCODER = DATA / "tiny.onnx", DATA / "tiny.encoder.onnx"
CARD = Decoder(TINY).card


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        Encoder(path, CARD)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_latents_are_those_that_the_graph_gives_for_any_number_of_frames() -> None:
    encoder = load_encoder(Decoder(TINY))
    assert encoder.path == TINY_ENCODER
    frames = np.random.default_rng(0).random((150, CARD.spec.n_bins)).astype(np.float32)
    latents = encoder.latents(frames, np.full(150, 60))
    hz = np.arange(CARD.spec.n_bins) * CARD.spec.bin_hz
    bands = [frames[:, (hz >= low) & (hz < high)].sum(axis=1) for low, high in ((500.0, 1500.0), (1500.0, 1e9))]
    assert np.allclose(latents, np.stack(bands, axis=1) / frames.sum(axis=1, keepdims=True), atol=1e-5)


def test_a_row_that_the_caller_writes_is_encoded_in_place() -> None:
    encoder = Encoder(TINY_ENCODER, CARD)
    encoder.magnitudes[0] = 0.0
    encoder.magnitudes[0, [10, 200]] = 1.0, 3.0
    encoder.set_chroma(0, 61)
    assert encoder.chroma[0].tolist() == [0.0, 1.0] + [0.0] * 10
    out = encoder.encode(1)
    assert out.base is encoder.outputs
    assert np.allclose(out[0], [0.0, 0.75])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"timbrebox", b"timbrebux", "found an ONNX model without a card"),
        (b'"encoder_of": "tiny"', b'"encoder_of": "tina"', "found the encoder of tina; expected that of tiny"),
        (b'"low harmonics"', b'"lax harmonics"', "found the latents lax harmonics, high harmonics"),
        (b'"max": 1.0, "default": 0.5', b'"max": 2.0, "default": 0.5', "found another travel of the latents"),
        (b'"frame_size": 4096', b'"frame_size": 2048', "found frame_size 2048; expected 4096"),
        (b'"name": "chroma", "size": 12', b'"name": "chroma", "size": 13', "chroma of 13"),
        (b'"output": {"name": "latents", "size": 2', b'"output": {"name": "latents", "size": 3', "latents of 3"),
        (b'"card_version": 1', b'"card_version": 9', "found 9 at card_version"),
        (b'"output": [0.375', b'"output": [0.975', "found an output 0.6 off"),
        (b'{"card_version"', b'["card_version"', "found broken JSON"),
    ],
)
def test_an_encoder_that_does_not_belong_to_the_instrument_is_refused(
    tmp_path: Path, old: bytes, new: bytes, said: str
) -> None:
    content = TINY_ENCODER.read_bytes()
    assert content.count(old) == 1
    path = tmp_path / "edited.encoder.onnx"
    path.write_bytes(content.replace(old, new))
    assert said in refused(path)


def test_the_digest_on_the_instruments_card_must_fit() -> None:
    named = hashlib.sha256(TINY_ENCODER.read_bytes()).hexdigest()
    Encoder(TINY_ENCODER, msgspec.structs.replace(CARD, encoder=CardEncoder(TINY_ENCODER.name, named)))
    with pytest.raises(UserError, match=r"found SHA-256 .* expected 000000000000"):
        Encoder(TINY_ENCODER, msgspec.structs.replace(CARD, encoder=CardEncoder(TINY_ENCODER.name, "0" * 64)))


def test_what_is_no_encoder_is_refused(tmp_path: Path) -> None:
    assert "no such file; expected the encoder of tiny" in refused(tmp_path / "none.encoder.onnx")
    (tmp_path / "text.encoder.onnx").write_text("no model")
    assert "found not an ONNX model" in refused(tmp_path / "text.encoder.onnx")
    shutil.copy(TINY, tmp_path / "decoder.encoder.onnx")  # a decoder: its card has no `encoder_of`
    assert "encoder_of" in refused(tmp_path / "decoder.encoder.onnx")
    assert encoder_path(Path("a/b.onnx")) == Path("a/b.encoder.onnx")
