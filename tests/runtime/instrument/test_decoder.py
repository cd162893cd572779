"""An instrument that does not fit its card is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import available
from tests.support.places import DATA

TINY = DATA / "tiny.onnx"


def edited(tmp_path: Path, old: bytes, new: bytes) -> Path:
    """A copy of the tiny instrument, in which `new` replaces `old`.

    Both must have the same length. With another length, the copy would be no ONNX model.
    """
    content = TINY.read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    path = tmp_path / "edited.onnx"
    path.write_bytes(content.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"timbrebox", b"timbrebux", "found an ONNX model without a card"),
        (b'"n_octaves":3', b'"n_octaves":4', "found input latents_and_conditioning"),
        (b'"frame_size":4096', b'"frame_size":4098', "hop_size 1024 with frame_size 4098"),
        (b'"note_range":[48,83]', b'"note_range":[48,99]', "expected inside the conditioning's notes 48 to 83"),
        (b'"note_range":[48,83]', b'"note_range":[83,48]', "expected lowest before highest"),
        (b'"lowest_note":48', b'"lowest_note":49', "from a C"),
        (b'"card_version":1', b'"card_version":9', "found 9 at card_version"),
        (b'"kind":"chroma+octave"', b'"kind":"chroma_octave"', "'chroma_octave' at conditioning.kind"),
        (b'"window":"hann"', b'"window":"hamm"', "window 'hamm'"),
        (b'"check":{"input":[[0.5,0.25', b'"check":{"input":[[0.5,0.95', "found an output"),
        (b'{"card_version"', b'["card_version"', "found broken JSON"),
    ],
)
def test_a_card_that_lies_is_refused(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    path = edited(tmp_path, old, new)
    with pytest.raises(UserError) as caught:
        Decoder(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", [TINY, *available().values()], ids=lambda path: path.stem)
def test_a_row_decodes_the_same_alone_and_in_any_batch(path: Path) -> None:
    decoder = Decoder(path)
    rows = np.random.default_rng(1).random((12, decoder.card.n_inputs), np.float32)
    decoder.inputs[:12] = rows
    together = decoder.decode(12).copy()
    for row, expected in zip(rows, together, strict=True):
        decoder.inputs[0] = row
        assert np.array_equal(decoder.decode(1)[0], expected)


@pytest.mark.parametrize(
    ("value", "is_silenced"),
    [(9000.0, False), (-9000.0, False), (2e4, True), (-2e4, True), (1e30, True), (np.inf, True), (np.nan, True)],
)
def test_only_a_spectrum_that_is_no_sound_is_silenced(value: float, is_silenced: bool) -> None:
    decoder = Decoder(TINY)
    decoder._session = SimpleNamespace(run_with_iobinding=lambda _binding: None)  # changes no magnitude
    decoder.magnitudes[:] = 0.5
    # The limit is for each magnitude. Six of 9000 are within it, although their sum of squares is beyond its square.
    decoder.magnitudes[1, 3:9] = value
    decoded = decoder.decode(3).copy()
    assert decoder.n_silenced == is_silenced
    assert decoded[1].any() != is_silenced
    assert (decoded[[0, 2]] == 0.5).all()
