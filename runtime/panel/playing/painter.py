"""The live picture: measures the spectrum of what is heard, and packs it with what the playing process says."""

from __future__ import annotations

import base64
import struct
from typing import Any

N_BANDS = 256
WINDOW_FRAMES = 4096
_SILENT = bytes(N_BANDS)
_MOST_ALIKE = 30  # pages let levels fall slowly, so they need the last picture more than once


class Painter:
    """Makes a picture's bytes of each news `picture`; docs/panel.md describes them.

    ring: descriptor of a SoundRing. NumPy is loaded with the first picture, as most of this process's memory is its.
    """

    def __init__(self, ring: int | None):
        self._ring = ring
        self._hearing: _Hearing | None = None
        self._last, self._n_alike = b"", 0

    def paint(self, news: dict[str, Any]) -> bytes | None:
        """The picture; None if the last second's have been the same."""
        hz, latents = news["hz"], bytes(round(255.0 * at) for at in news.get("latents", ()))
        drawn = base64.b64decode(news["spectrum"]) if "spectrum" in news else _SILENT
        head = struct.pack(f"<BBxx{len(hz)}f", len(hz), len(latents), *hz)
        picture = head + self._heard(news["rate_hz"]) + drawn + latents
        self._n_alike = self._n_alike + 1 if picture == self._last else 0
        self._last = picture
        return picture if self._n_alike <= _MOST_ALIKE else None

    def begin_again(self) -> None:
        """Somebody else wants pictures, who has seen none."""
        self._n_alike = 0

    def _heard(self, rate_hz: int) -> bytes:
        if self._ring is None:
            return _SILENT
        if self._hearing is None or self._hearing.rate_hz != rate_hz:
            self._hearing = _Hearing(self._ring, rate_hz)
        return self._hearing.levels()


class _Hearing:
    """Measures what is heard."""

    def __init__(self, ring: int, rate_hz: int):
        import numpy as np

        from runtime.acoustics.spectrum import periodic_hann
        from runtime.acoustics.spectrum_picture import SpectrumPicture
        from runtime.audio.sound_ring import RecentSound

        self.rate_hz = rate_hz
        self._np, self._recent = np, RecentSound(ring)
        self._window = periodic_hann(WINDOW_FRAMES)[:, None]
        self._picture = SpectrumPicture(rate_hz / WINDOW_FRAMES, WINDOW_FRAMES // 2 + 1)

    def levels(self) -> bytes:
        """256 levels of the last frames; of left and right together by power, so that nothing wide is lost."""
        sound = self._recent.read(WINDOW_FRAMES)
        if not sound.any():
            return _SILENT
        sides = self._np.abs(self._np.fft.rfft(sound * self._window, axis=0))
        # A sine of amplitude 1 on both sides is 0 dB; its peak through this window is a quarter of the window's length.
        mean = self._np.sqrt(self._np.mean(sides * sides, axis=1))
        return self._picture.draw(mean, 4.0 / WINDOW_FRAMES)
