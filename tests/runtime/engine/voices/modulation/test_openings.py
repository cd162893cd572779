"""While a note begins, its points are as close together as its envelopes need."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.engine.engine import Engine
from runtime.engine.voices.modulation.openings import NEAREST, NEAREST_SINGLY, opening_points
from runtime.events import NoteOn
from runtime.sound.motion import DelayedEnvelope, Lfo, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.playing import SAMPLE_RATE_HZ
from tests.support.shaped import engine_of

SOUND = Sound(filter=Filter(type="low", cutoff_hz=300.0, slope_db_per_octave=12))


@pytest.mark.parametrize(
    ("octaves_per_1024", "expected"),
    [
        (0.0, ()),
        (0.24, ()),
        (0.26, ((1024, 512), (4096, 512))),
        (0.9, ((1024, 256), (4096, 256))),
        (1.1, ((1024, 128), (4096, 256))),
        (50.0, ((1024, 128), (4096, 256))),
    ],
)
def test_no_gain_changes_by_more_than_3_db_from_point_to_point(
    octaves_per_1024: float, expected: tuple[tuple[int, int], ...]
) -> None:
    """The filter falls by 12 dB per octave, so a gain changes by 3 dB when the cutoff moves by 0.25 octaves.

    expected: (end, distance) in frames: up to `end` there is a point every `distance` frames.
    """
    assert (
        opening_points(SOUND, lambda frames: [("filter.cutoff", frames * octaves_per_1024 / 1024)], NEAREST) == expected
    )


def test_what_moves_only_later_has_its_points_later() -> None:
    def late(frames: np.ndarray) -> list[tuple[str, np.ndarray]]:
        return [("filter.cutoff", np.maximum(0.0, frames - 2048.0) * 0.002)]

    assert opening_points(SOUND, late, NEAREST) == ((1024, 0), (4096, 256))


@pytest.mark.parametrize(("width", "nearest"), [(0.0, NEAREST), (0.5, NEAREST_SINGLY)])
def test_voices_that_are_made_one_by_one_have_fewer_points(width: float, nearest: int) -> None:
    sound = Sound(
        width=width,
        filter=Filter(type="low", cutoff_hz=300.0, envelope_octaves=5.0),
        envelope_2=DelayedEnvelope(decay_s=0.05),
    )
    assert engine_of(sound)._palette.first.opening_points[0] == (1024, nearest)


def n_transposed_at(engine: Engine, frames: list[int]) -> list[int]:
    """For each of `frames`: how many lanes are transposed in the first block of 64 frames that ends there or later."""
    out, found = np.zeros((64, 2), np.float32), []
    while len(found) < len(frames):
        engine.render(out)
        if engine.frame >= frames[len(found)]:
            found.append(engine._sound.n_transposed)
    return found


def test_a_delayed_lfo_leaves_the_voices_plain_and_then_takes_two_at_a_time() -> None:
    lfo = Lfo(rate_hz=5.0, delay_s=0.3, fade_in_s=0.2)
    engine = engine_of(Sound(lfo_1=lfo, modulation=(Modulation("lfo_1", "pitch", 0.02),)), 16)
    for note in range(16):
        engine.post(NoteOn(0, 48 + note, 60), 0)
    end = round(0.3 * SAMPLE_RATE_HZ)
    found = n_transposed_at(engine, [64, end - 1200, *range(end - 1000, end + 1, 128)])
    assert found[:2] == [0, 0]
    assert set(np.diff(found).tolist()) <= {0, 2}
    assert found[-1] == 16
