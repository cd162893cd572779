"""The bundled instruments are small, free and in tune."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.config import Config
from runtime.engine.build import build_engine
from runtime.events import NoteOn
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import encoder_path, load_encoder
from runtime.instrument.library import BUNDLED_FOLDER
from runtime.sound.choice import programs_of

INSTRUMENTS = sorted(path for path in BUNDLED_FOLDER.glob("*.onnx") if not path.name.endswith(".encoder.onnx"))
FAMILY = [path for path in INSTRUMENTS if path.stem != "virtual-analogue"]
# GPL is the licence of the synthesizers that made some of the recordings. It does not cover a synthesizer's sound.
FREE = ("CC0", "MIT", "CC-BY", "public domain", "GPL")
# This sound is on the map of `pads`, but is no preset, because it is too much like a sound of `fm`.
WITHOUT_PRESET = {"Cindi - C"}
by_name = pytest.mark.parametrize("path", FAMILY, ids=lambda path: path.stem)


def test_there_are_five_instruments_and_forty_sounds_in_24_mb() -> None:
    assert len(INSTRUMENTS) >= 5
    assert sum(len(Decoder(path).card.presets) for path in FAMILY) >= 40
    sizes = [path.stat().st_size for path in BUNDLED_FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) <= 24e6


@pytest.mark.parametrize("path", INSTRUMENTS, ids=lambda path: path.stem)
def test_an_instrument_is_small_and_has_an_encoder(path: Path) -> None:
    assert path.stat().st_size <= 3e6
    assert encoder_path(path).stat().st_size <= 1.5e6
    load_encoder(Decoder(path))  # fails for another instrument's encoder


@by_name
def test_the_card_names_sources_licences_and_figures(path: Path) -> None:
    card = Decoder(path).card
    assert card.card_version == 2
    assert card.sources
    assert all(any(licence in source.licence for licence in FREE) for source in card.sources)
    assert set(card.embedding.labels) - {preset.name for preset in card.presets} <= WITHOUT_PRESET
    measured = card.measured
    assert measured["in_tune"] >= 0.97
    assert measured["octave_off"] < 0.01
    # `corpus_mean_db`: how far a recording is from the mean of all recordings of its note.
    assert measured["path_db"] < 0.5 * measured["corpus_mean_db"]
    assert measured["heldout_path_db"] < 0.6 * measured["corpus_mean_db"]
    assert measured["told_apart_path"] >= 0.95


@by_name
def test_every_sound_moves_and_is_heard_at_every_eleventh_note(path: Path) -> None:
    decoder = Decoder(path)
    patches = programs_of(Config(), decoder)
    assert all(preset.sound and preset.sound.get("trajectory") for preset in decoder.card.presets)
    for preset, patch in zip(decoder.card.presets, patches, strict=True):
        engine, block = build_engine(patch, decoder, 44100), np.zeros((8192, 2), np.float32)
        for note in range(0, 128, 11):
            engine.post(NoteOn(0, note, 100))
            engine.render(block)
            level_db = 10.0 * np.log10(np.mean(np.square(block)) + 1e-12)
            assert level_db > -60.0, f"{preset.name}, note {note}"
