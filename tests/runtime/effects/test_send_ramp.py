"""A send's level moves in straight lines of 20 ms, the same for any blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.effects.send_ramp import SendRamp
from tests.support.partitions import partitions

RATE_HZ, N_FRAMES = 44100, 3000
LINE = 882
moves = st.lists(st.tuples(st.integers(0, N_FRAMES - 1), st.floats(0.0, 1.0)), max_size=8)


def _values(moves: list[tuple[int, float]], blocks: list[int], early: bool) -> np.ndarray:
    ramp, waiting, parts, done, n_blocks = SendRamp(RATE_HZ, 0.3), list(moves), [], 0, 0
    while done < N_FRAMES:
        n = min(blocks[n_blocks % len(blocks)], N_FRAMES - done)
        while waiting and (early or waiting[0][0] < done + n):
            ramp.move(*waiting.pop(0))
        parts.append(ramp.values(done, n))
        done, n_blocks = done + n, n_blocks + 1
    return np.concatenate(parts)


@settings(max_examples=40, deadline=None)
@given(moves, partitions)
def test_levels_are_the_same_for_any_blocks_and_never_step(moves: list[tuple[int, float]], blocks: list[int]) -> None:
    moves = sorted(moves, key=lambda move: move[0])
    whole = _values(moves, [N_FRAMES], True)
    assert (whole == _values(moves, blocks, False)).all()
    assert (whole == _values(moves, blocks, True)).all()
    assert np.abs(np.diff(whole[:, 0])).max() <= 1.0 / LINE + 1e-6
    if not moves or moves[-1][0] + LINE < N_FRAMES:
        assert whole[-1, 0] == np.float32(moves[-1][1] if moves else 0.3)


def test_a_line_takes_20_ms_and_a_level_of_0_is_known() -> None:
    ramp = SendRamp(RATE_HZ, 1.0)
    assert not ramp.is_zero(0)
    ramp.move(100, 0.0)
    values = ramp.values(0, 2000)[:, 0]
    assert (values[:101] == 1.0).all()
    assert values[100 + LINE // 2] == 0.5
    assert not ramp.is_zero(100 + LINE - 1)
    assert ramp.is_zero(100 + LINE)
