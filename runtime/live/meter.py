"""What a page shows while the instrument plays: voices, level, and where the targets stand, 20 times a second."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from runtime.link.server import Server
from runtime.live.present import positions

if TYPE_CHECKING:
    from runtime.live.desk import Playing

METER = "meter"
METER_S = 0.05
SILENCE_DB = -120.0


class Meter:
    """Publishes the topic `meter` while somebody watches it; playing: what plays.

    The news: voices that sound, level_db of the largest sample, the names of sound and instrument, and the positions of
    the targets that have moved; `moved` is left out if none has.
    """

    def __init__(self, playing: Playing):
        self._playing = playing
        self._due_s, self._is_watched = math.inf, False
        self._positions: dict[str, float] = {}

    @property
    def wait_s(self) -> float:
        """Seconds until the next news; infinite if nobody watches."""
        return max(0.0, self._due_s - time.monotonic())

    def serve(self, server: Server) -> None:
        """Publish what is due."""
        was_watched, self._is_watched = self._is_watched, server.is_watched(METER)
        if not self._is_watched:
            if was_watched:
                self._playing.take_peak(is_metered=False)
            self._due_s = math.inf
        elif not was_watched or self.wait_s == 0.0:
            self._due_s = time.monotonic() + METER_S
            server.publish(METER, self._news())

    def _news(self) -> dict[str, object]:
        engine, peak = self._playing.engine, self._playing.take_peak(is_metered=True)
        before, self._positions = self._positions, positions(engine)
        moved = {target: at for target, at in self._positions.items() if before.get(target) != at}
        news = {
            "voices": engine.status.n_active_voices,
            "level_db": round(max(SILENCE_DB, 20.0 * math.log10(peak)), 1) if peak > 0.0 else SILENCE_DB,
            "sound": engine.patch.sound.name or engine.patch.settings.preset,
            "instrument": engine.instrument.path.stem,
        }
        return news | {"moved": moved} if moved else news
