"""Publishes, 15 times a second, the facts about the playing instrument that a page shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from runtime.engine.engine import Engine
from runtime.link.server import Server
from runtime.live.present import name_of
from runtime.live.remote.beat import next_beat_s
from runtime.sound.choice import Choice

METER = "meter"
_N_BEATS = 2
SILENCE_DB = -120.0


class Metered(Protocol):
    """The part of `Supervisor` that the meter uses."""

    @property
    def engine(self) -> Engine:
        """The first part's engine."""

    def engines(self) -> list[Engine]:
        """The engines of all parts, also the earlier engines, whose notes ring out."""

    @property
    def choice(self) -> Choice:
        """The `Choice` with which the first part's instrument began to play."""

    def take_peak(self, is_metered: bool) -> float:
        """Return the output's peak since the previous call, 0 to 1.

        is_metered: whether to go on measuring.
        """


class Meter:
    """Publishes the topic `meter` while somebody watches it.

    positions: returns the position of each target of an engine, by name.
    is_recording: returns whether a recording is in progress or about to begin.

    What is published:
    - `voices`: number of sounding voices
    - `level_db`: the output's peak, 0 dB at full scale
    - `sound`, `instrument`: names of the sound and the instrument
    - `recording`: what `is_recording` returns
    - `moved`: the positions that have changed since the previous message; left out if none has
    """

    def __init__(
        self,
        playing: Metered,
        positions: Callable[[Engine], dict[str, float]],
        is_recording: Callable[[], bool] = lambda: False,
    ):
        self._playing, self._positions_of, self._is_recording = playing, positions, is_recording
        self._due_s, self._is_watched = math.inf, False
        self._positions: dict[str, float] = {}

    @property
    def wait_s(self) -> float:
        return max(0.0, self._due_s - time.monotonic())

    def serve(self, server: Server) -> None:
        was_watched, self._is_watched = self._is_watched, server.is_watched(METER)
        if not self._is_watched:
            if was_watched:
                self._playing.take_peak(is_metered=False)
            self._due_s = math.inf
        elif not was_watched or self.wait_s == 0.0:
            self._due_s = next_beat_s(time.monotonic(), _N_BEATS)
            server.publish(METER, self._news())

    def _news(self) -> dict[str, object]:
        engine, peak = self._playing.engine, self._playing.take_peak(is_metered=True)
        before, self._positions = self._positions, self._positions_of(engine)
        moved = {target: at for target, at in self._positions.items() if before.get(target) != at}
        news = {
            "voices": sum(each.status.n_active_voices for each in self._playing.engines()),
            "level_db": round(max(SILENCE_DB, 20.0 * math.log10(peak)), 1) if peak > 0.0 else SILENCE_DB,
            "sound": name_of(engine, self._playing.choice),
            "instrument": engine.instrument.path.stem,
            "recording": self._is_recording(),
        }
        return news | {"moved": moved} if moved else news
