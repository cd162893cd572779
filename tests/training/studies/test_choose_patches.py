"""Chosen patches sound at the pitches of the keys, and differ from each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from tests.support.amsynth import needs_amsynth
from training.corpus import amsynth
from training.corpus.csv_table import read_table
from training.corpus.frames import SPLITS
from training.studies.choose_patches import (
    KEYS,
    Candidate,
    choose,
    is_clear,
    main,
    picked_frames,
    render_all,
    write_list,
)

SPEC = StftSpec()


@needs_amsynth
def test_patches_of_the_committed_list_are_clear_at_every_key(tmp_path: Path) -> None:
    plugin = amsynth.find_plugin()
    patches = amsynth.read_patches(amsynth.PATCHES.with_name("amsynth100.csv"), amsynth.find_banks(plugin))
    assert [sum(patch.split == split for patch in patches) for split in SPLITS] == [80, 10, 10]
    for patch in patches[::25]:
        samples = amsynth.render_patch(patch, KEYS, plugin, SPEC.sample_rate_hz, str(tmp_path))
        assert is_clear(Candidate("bank", 0, patch.name, picked_frames(samples, SPEC)))


@needs_amsynth
def test_the_further_test_patches_were_never_trained_on_and_are_right_at_their_notes(tmp_path: Path) -> None:
    plugin = amsynth.find_plugin()
    banks = amsynth.find_banks(plugin)
    further = amsynth.read_patches(amsynth.PATCHES.with_name("amsynth20.csv"), banks)
    trained = amsynth.read_patches(amsynth.PATCHES, banks)
    assert len(further) == 20
    assert {patch.split for patch in further} == {"test"}
    assert not [patch.name for patch in further if patch.controls in [known.controls for known in trained]]
    keys = amsynth.HeldNotes(amsynth.Scale("c-major", 1).notes, KEYS.note_s)
    for patch in further[::7]:
        samples = amsynth.render_patch(patch, keys, plugin, SPEC.sample_rate_hz, str(tmp_path))
        assert is_clear(Candidate("bank", 0, patch.name, picked_frames(samples, SPEC)), keys)


@needs_amsynth
def test_patches_of_a_list_are_left_out_whatever_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = [("one", {"a": 1.0}), ("two", {"a": 2.0}), ("one again", {"a": 1.0})]
    monkeypatch.setattr(amsynth, "find_banks", lambda plugin: {"bank": Path("bank")})
    monkeypatch.setattr(amsynth, "read_bank", lambda path: bank)
    rendered = []

    def render(patch: amsynth.Patch, keys: amsynth.HeldNotes, *rest: object) -> np.ndarray:
        rendered.append((patch.name, keys))
        return np.zeros((2, 44100), np.float32)  # a silent patch does not become a candidate

    monkeypatch.setattr(amsynth, "render_patch", render)
    keys = amsynth.HeldNotes((60, 62), 0.45)
    assert not list(render_all(keys, [amsynth.Patch("listed", "train", {"a": 1.0})]))
    assert rendered == [("two", keys)]


def test_a_list_for_tests_only_has_no_other_split(tmp_path: Path) -> None:
    chosen = [Candidate("bank", k, f"{k}", np.zeros((1, 1, 1), np.float16)) for k in range(20)]
    for test_only, splits in ((False, {"train", "val", "test"}), (True, {"test"})):
        write_list(tmp_path / "list.csv", chosen, 0, test_only)
        assert {row.split() for row in read_table(tmp_path / "list.csv", ("split",))} == splits


def test_chosen_patches_differ_and_too_many_are_refused() -> None:
    frames = np.random.default_rng(0).random((3, 6, 3, SPEC.n_bins)).astype(np.float16)
    candidates = [Candidate("bank", k, f"{k}", frames[k // 4] + np.float16(0.001 * (k % 4))) for k in range(12)]
    chosen = choose(candidates, 3, seed=0)
    assert sorted(candidate.index // 4 for candidate in chosen) == [0, 1, 2]
    with pytest.raises(UserError, match="at most 12"):
        choose(candidates, 13, seed=0)


def test_fewer_patches_than_splits_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    # No plugin is found in this folder. So nothing is rendered if `--number 2` is accepted by mistake.
    monkeypatch.setenv("DSSI_PATH", str(tmp_path))
    assert main([str(tmp_path / "list.csv"), "--number", "2"]) == 2
    assert "--number: found 2; expected at least 3" in capsys.readouterr().err
