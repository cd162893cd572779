"""Publishes the live picture, 30 times a second."""

from __future__ import annotations

import base64
import math
import time
from typing import Protocol

from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum_picture import SpectrumPicture
from runtime.engine.engine import Engine
from runtime.link.server import Server
from runtime.live.remote.beat import next_beat_s

PICTURE = "picture"
MOST_NOTES = 8


class Pictured(Protocol):
    """The part of `Supervisor` that the picture uses."""

    def engines(self) -> list[Engine]:
        """All engines that sound, including those on which earlier notes ring out."""

    @property
    def sample_rate_hz(self) -> int:
        """The sample rate of the engines."""


class Picture:
    """Publishes the topic `picture` while somebody watches it.

    It publishes:
    rate_hz: the sample rate.
    hz: the fundamentals of at most 8 sounding notes, newest first.
    spectrum: the newest note's spectrum, 256 levels in base64 (`acoustics.spectrum_picture`).
    latents: the newest note's latents, as positions 0 to 1.
    """

    def __init__(self, playing: Pictured):
        self._playing = playing
        self._due_s = math.inf
        self._drawing: dict[tuple[float, int], SpectrumPicture] = {}

    @property
    def wait_s(self) -> float:
        return max(0.0, self._due_s - time.monotonic())

    def serve(self, server: Server) -> None:
        if not server.is_watched(PICTURE):
            self._due_s = math.inf
        elif self._due_s == math.inf or self.wait_s == 0.0:
            self._due_s = next_beat_s(time.monotonic())
            server.publish(PICTURE, self._news())

    def _news(self) -> dict[str, object]:
        sounding = [(voice, engine) for engine in self._playing.engines() for voice in engine.sounding()]
        sounding.sort(key=lambda each: each[0].started_at, reverse=True)
        hz = [float(note_to_hz(voice.pitch + voice.bend_semitones)) for voice, _ in sounding[:MOST_NOTES]]
        news: dict[str, object] = {"rate_hz": self._playing.sample_rate_hz, "hz": [round(each, 2) for each in hz]}
        if sounding:
            voice, engine = sounding[0]
            seen, gain = engine.seen(voice)
            bin_hz = engine.instrument.card.spec.bin_hz * hz[0] / float(note_to_hz(voice.model_note))
            levels = self._drawn_by(bin_hz, len(seen.magnitudes)).draw(seen.magnitudes, gain)
            news["spectrum"] = base64.b64encode(levels).decode()
            news["latents"] = [round(float(at), 4) for at in seen.latents]
        return news

    def _drawn_by(self, bin_hz: float, n_bins: int) -> SpectrumPicture:
        key = bin_hz, n_bins
        if key not in self._drawing:
            if len(self._drawing) > 64:
                self._drawing.clear()
            self._drawing[key] = SpectrumPicture(bin_hz, n_bins)
        return self._drawing[key]
