"""Every recorded sound becomes a preset with up to four trajectories, each with a key of its own."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import soundfile

from export.__main__ import main
from export.instrument import renew_presets
from export.sound_presets import moving_presets, positions_at
from export.to_onnx import add_metadata
from runtime.acoustics.pitch import note_name
from runtime.acoustics.spectrum import magnitude_frames, unit_peak_frames
from runtime.base.errors import UserError
from runtime.encoding.candidates import coder_of
from runtime.instrument.card import METADATA_KEY, CardPreset
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import encoder_path, load_encoder
from tests.support.harmonic_store import ABOUT, tone
from tests.support.playing import decoder
from training.corpus.frames import Clip, FrameStore, FrameWriter
from training.measure.likeness import presets_nearest

NOTES = (50, 57, 64, 71, 78)
TILTS = {"bright": 0.5, "round": 2.5}
KNOBS = ("low harmonics", "high harmonics")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, spec = tmp_path_factory.mktemp("sounds"), decoder().card.spec
    with FrameWriter(folder / "corpus", spec, ABOUT) as writer:
        for sound, tilt in TILTS.items():
            for note in NOTES:
                name, samples = f"{sound} {note_name(note)}.wav", tone(note, tilt, spec, seconds=0.6)
                soundfile.write(folder / name, samples, spec.sample_rate_hz)
                frames, _ = unit_peak_frames(magnitude_frames(samples, spec))
                writer.add(frames, Clip(name, "train", note, "made here", "CC0-1.0", sound))
    return folder


@pytest.fixture(scope="module")
def presets(recordings: Path) -> list[CardPreset]:
    store = FrameStore.open(recordings / "corpus")
    return moving_presets(coder_of(decoder(), load_encoder(decoder())), store, recordings)


def test_a_preset_has_its_sound_s_name_and_up_to_four_keys(presets: list[CardPreset]) -> None:
    assert [preset.name for preset in presets] == list(TILTS)
    for preset in presets:
        keys = [use["key"] for use in preset.sound["trajectory"]]
        assert len(keys) == 4
        assert set(keys) < set(NOTES)


def test_every_recording_is_nearest_to_the_preset_of_its_sound(presets: list[CardPreset], recordings: Path) -> None:
    store = FrameStore.open(recordings / "corpus")
    assert presets_nearest(decoder(), list(TILTS), store, partial(positions_at, presets, KNOBS)) == 1.0


def test_presets_of_a_finished_instrument_are_chosen_again(
    presets: list[CardPreset], recordings: Path, tmp_path: Path
) -> None:
    path, store = _instrument(tmp_path, list(TILTS)), FrameStore.open(recordings / "corpus")
    before = Decoder(path)
    renew_presets(path, store, recordings)
    after = Decoder(path)
    # The search for knob positions starts, among other places, at the presets in the instrument's card. The cards of
    # `before` and of `decoder()` have different presets, so the positions found can differ slightly.
    found, asked = ([preset.latents for preset in some] for some in (after.card.presets, presets))
    assert np.abs(np.subtract(found, asked)).max() < 0.02
    assert after.card.measured["presets_nearest"] == 1.0
    assert after.card.measured["in_tune"] == before.card.measured["in_tune"]
    assert after.card.encoder == before.card.encoder
    load_encoder(after)
    with pytest.raises(UserError, match="bright, round"):
        renew_presets(_instrument(tmp_path, ["bright", "elsewhere"]), store, recordings)


def test_a_sound_that_is_left_out_becomes_no_preset(recordings: Path, tmp_path: Path) -> None:
    path, store = _instrument(tmp_path, list(TILTS)), FrameStore.open(recordings / "corpus")
    renew_presets(path, store, recordings, ["round"])
    assert [preset.name for preset in Decoder(path).card.presets] == ["bright"]


def _instrument(folder: Path, names: list[str]) -> Path:
    path, here = folder / decoder().path.name, decoder().path
    shutil.copy(encoder_path(here), encoder_path(path))
    card = decoder().card
    card = msgspec.structs.replace(
        card, presets=tuple(CardPreset(name, (0.5, 0.5)) for name in names), measured={"in_tune": 0.75}
    )
    model = onnx.load(here)
    add_metadata(model, METADATA_KEY, card.to_json())
    onnx.save(model, path)
    return path


def test_a_preset_without_trajectories_stands_still(presets) -> None:
    still = CardPreset("still", (0.25, 0.75))
    assert np.array_equal(positions_at([still], KNOBS, 60), [[0.25, 0.75]])


def test_an_instrument_without_recordings_keeps_its_presets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["family", "virtual-analogue", "--presets"]) == 2
    assert "virtual-analogue: found no recordings" in capsys.readouterr().err
