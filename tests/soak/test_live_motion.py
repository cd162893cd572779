"""The figures of `live_motion` say what happened."""

from __future__ import annotations

import pytest

from tests.soak.live_motion import Spell


def spell(late: list[tuple[float, float]], lost: list[tuple[float, float]]) -> Spell:
    """A minute that began at 100 s, without stalls."""
    return Spell(10_000, late, lost, 0, [], 100.0, 60.0, 1.0)


@pytest.mark.parametrize(
    ("late", "lost", "longest_s"),
    [([], [], 60.0), ([(110.0, 110.1)], [], 49.9), ([(110.0, 110.1)], [(130.0, 130.02), (131.0, 131.02)], 28.98)],
)
def test_the_longest_stretch_is_between_two_faults(late, lost, longest_s) -> None:
    whole = spell(late, lost)
    assert whole.longest_whole_s() == pytest.approx(longest_s)
    assert f"such a lost period: {longest_s / 60.0:.1f} minutes" in str(whole)
