"""While the pitch wheel moves, sound is read at the speed that the wheel's position asks for."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.engine.synthesis.transposing.resampling import Resampler
from runtime.events import NoteOn, PitchWheel
from tests.support.playing import SAMPLE_RATE_HZ, Player, play

BEGIN, SWEEP = 30000, SAMPLE_RATE_HZ // 5
SEMITONES = 2.0


@pytest.mark.parametrize("spacing", [44, 132])
def test_a_fast_sweep_errs_only_by_the_wait_for_the_next_wheel_message(
    spacing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep covers 200 cents in 200 ms: a wait of 1 ms is an error of 1 cent.

    spacing: frames between messages.
    """
    places, read = np.full(BEGIN + 2 * SWEEP, np.nan), Resampler.read

    def noted(resampler: Resampler, lanes: list, heads: list, frame: int, n_frames: int) -> np.ndarray:
        positions = [heads[0].position(frame + n) / heads[0].density for n in range(n_frames)]
        places[frame : frame + n_frames] = positions[: len(places[frame : frame + n_frames])]
        return read(resampler, lanes, heads, frame, n_frames)

    monkeypatch.setattr(Resampler, "read", noted)
    sweep = [(BEGIN + n, PitchWheel(0, round(8191 * n / SWEEP))) for n in range(0, SWEEP, spacing)]
    events = [(0, NoteOn(0, 60, 80)), (100, PitchWheel(0, 1)), *sweep, (BEGIN + SWEEP, PitchWheel(0, 8191))]
    play(Player(1).engine, events, BEGIN + 2 * SWEEP, (256,))
    frames = np.arange(BEGIN - 1000, BEGIN + SWEEP + 1000)
    wanted_cents = 100.0 * SEMITONES * np.clip((frames - BEGIN) / SWEEP, 0.0, 1.0)
    error_cents = 1200.0 * np.log2(places[frames + 1] - places[frames]) - wanted_cents
    wait_cents = 1e3 * spacing / SAMPLE_RATE_HZ * (SEMITONES * 100.0 / 200.0)
    assert -wait_cents - 0.1 < error_cents.min() < -0.8 * wait_cents
    assert error_cents.max() < 0.1
