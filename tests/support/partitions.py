"""Checks with random events that the engine's output is bit-identical for all block sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from runtime.config import Adsr
from runtime.control.targets import RANGES
from runtime.engine.engine import Engine
from runtime.events import (
    ActiveSensing,
    Aftertouch,
    Clock,
    ClockStart,
    ClockStop,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PhaseBlend,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    Reset,
    TargetMove,
    Tempo,
    VoiceLimit,
)

N_FRAMES = 9000
Timed = list[tuple[int, Event]]

channels = st.sampled_from((0, 1, 2, 15))
keys = st.sampled_from((0, 24, 47, 48, 60, 61, 72, 83, 84, 100, 127))
values = st.one_of(st.sampled_from((0, 63, 64, 127)), st.integers(0, 127))
pitches = st.one_of(st.sampled_from((-8192, 0, 8191)), st.integers(-8192, 8191))
controls = st.sampled_from((0, 1, 6, 7, 10, 11, 20, 21, 38, 64, 66, 67, 70, 71, 74, 100, 101, 120, 121, 123))
notes_on = st.builds(NoteOn, channels, keys, st.integers(1, 127))
events = st.one_of(
    notes_on,
    notes_on,
    st.builds(NoteOff, channels, keys, values),
    st.builds(ControlChange, channels, controls, values),
    st.builds(PitchWheel, channels, pitches),
    st.builds(KnobTurn, st.integers(0, 2), st.floats(0.0, 1.0)),
    st.builds(PhaseBlend, st.sampled_from((0.0, 0.3, 1.0))),
    st.builds(TargetMove, st.sampled_from((*RANGES, "latent.2")), st.sampled_from((0.0, 0.4, 0.5, 0.9, 1.0))),
    st.builds(Aftertouch, channels, values),
    st.builds(PolyTouch, channels, keys, values),
    st.builds(ProgramChange, channels, st.integers(0, 2)),
    st.builds(VoiceLimit, st.integers(0, 8)),
    st.sampled_from((Clock(), Clock(), ClockStart(), ClockStop(), Tempo(80.0))),
    st.just(ActiveSensing()),
    st.just(Reset()),
)
timed_events = st.lists(st.tuples(st.integers(0, N_FRAMES - 1), events), min_size=3, max_size=40)
partitions = st.lists(
    st.one_of(st.integers(1, 4096), st.sampled_from((1, 2, 63, 64, 65, 1024))), min_size=1, max_size=12
)
modes = st.sampled_from(("poly", "mono", "legato"))
envelopes = st.builds(
    Adsr, st.sampled_from((0.0, 0.02)), st.sampled_from((0.0, 0.05)), st.sampled_from((0.0, 0.5, 1.0)),
    st.sampled_from((0.0, 0.03, 1.0)),
)  # fmt: skip


def render(engine: Engine, timed: Timed, blocks: Sequence[int], early: bool, n_frames: int = N_FRAMES) -> np.ndarray:
    """Play timed events on an engine; return the sound, float32 (n_frames, 2).

    blocks: sizes of the blocks in frames, used in rotation.
    early: True to post all events before the first block, False to post each just before its block.
    """
    sound = np.zeros((n_frames, 2), np.float32)
    waiting = sorted(timed, key=lambda at: at[0])
    done = n_blocks = 0
    while done < n_frames:
        n = min(blocks[n_blocks % len(blocks)], n_frames - done)
        n_due = len(waiting) if early else sum(frame < done + n for frame, _ in waiting)
        for frame, event in waiting[:n_due]:
            engine.post(event, frame)
        del waiting[:n_due]
        engine.render(sound[done : done + n])
        done, n_blocks = done + n, n_blocks + 1
    return sound


def assert_same(
    make_engine: Callable[[], Engine], timed: Timed, blocks: Sequence[int], n_frames: int = N_FRAMES
) -> np.ndarray:
    """Assert that a single block and blocks of these sizes, used in rotation, give the same sound; return the sound.

    This must hold if all events are posted before the first block, and if each is posted before its own block.

    Returns float32 (n_frames, 2).
    """
    whole = render(make_engine(), timed, [n_frames], True, n_frames)
    for early in (True, False):
        cut = render(make_engine(), timed, blocks, early, n_frames)
        differ = np.flatnonzero((whole != cut).any(axis=1))
        assert not len(differ), f"from frame {differ[0]} on, posted {'early' if early else 'just in time'}"
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() <= 1.0
    return whole
