"""On one core, the companion is told once of each thread to guard, and again after the companion's restart."""

from __future__ import annotations

import os

import pytest

from runtime.live.watching.guarding import Guarding


class _Companion:
    def __init__(self) -> None:
        self.told, self.n_starts, self.is_there = [], 1, True

    def tell(self, name: str, /, **params: object) -> bool:
        if self.is_there:
            self.told.append((name, params))
        return self.is_there


def _told(n_cores: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(n_cores)), raising=False)
    companion = _Companion()
    guarding = Guarding(companion)
    for thread_id in (None, 5, 5, 6):
        guarding.follow(thread_id)
    companion.n_starts, companion.is_there = 2, False
    guarding.follow(6)
    companion.is_there = True
    guarding.follow(6)
    assert {name for name, _ in companion.told} <= {"guard"}
    return [params["thread"] for _, params in companion.told]


def test_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _told(1, monkeypatch) == [5, 6, 6]


def test_more_cores_need_no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _told(2, monkeypatch) == []
