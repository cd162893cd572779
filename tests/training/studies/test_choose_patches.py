"""Chosen patches are heard at their keys and differ from each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from tests.support.amsynth import needs_amsynth
from training.corpus import amsynth
from training.corpus.frames import SPLITS
from training.studies.choose_patches import KEYS, Candidate, choose, is_clear, main, picked_frames

SPEC = StftSpec()


@needs_amsynth
def test_patches_of_the_committed_list_are_clear_at_every_key(tmp_path: Path) -> None:
    plugin = amsynth.find_plugin()
    patches = amsynth.read_patches(amsynth.PATCHES.with_name("amsynth100.csv"), amsynth.find_banks(plugin))
    assert [sum(patch.split == split for patch in patches) for split in SPLITS] == [80, 10, 10]
    for patch in patches[::25]:
        samples = amsynth.render_patch(patch, KEYS, plugin, SPEC.sample_rate_hz, str(tmp_path))
        assert is_clear(Candidate("bank", 0, patch.name, picked_frames(samples, SPEC)))


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
    monkeypatch.setenv("DSSI_PATH", str(tmp_path))  # nothing is rendered, even if the number is accepted
    assert main([str(tmp_path / "list.csv"), "--number", "2"]) == 2
    assert "--number: found 2; expected at least 3" in capsys.readouterr().err
