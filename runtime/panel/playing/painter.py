"""The live picture: the output's spectrum, and what the playing process publishes under `picture`."""

from __future__ import annotations

import base64
import struct
from typing import Any

# N_BANDS is also in page/picture.js, in page/play.js, and in runtime/acoustics/spectrum_picture.py. It is defined again
# here, because importing spectrum_picture.py would load NumPy.
N_BANDS = 256
WINDOW_FRAMES = 4096
_SILENT = bytes(N_BANDS)
_MOST_ALIKE = 30  # a picture is repeated at most this often; repeats are needed because pages let levels fall slowly


class Painter:
    """Makes a picture's bytes from each message of the topic `picture`; docs/panel.md describes the bytes.

    ring: descriptor of a SoundRing; None to measure no sound.

    NumPy would take up most of this process's memory, so it is imported only with the first picture.
    """

    def __init__(self, ring: int | None):
        self._ring = ring
        self._hearing: _Hearing | None = None
        self._last, self._n_alike = b"", 0

    def listen(self, ring: int | None) -> None:
        """From now on, measure the sound in the ring with this descriptor; None to measure no sound."""
        self._ring, self._hearing = ring, None

    def paint(self, news: dict[str, Any]) -> bytes | None:
        """The picture; None if it equals all pictures of the last second."""
        hz, latents = news["hz"], bytes(round(255.0 * at) for at in news.get("latents", ()))
        drawn = base64.b64decode(news["spectrum"]) if "spectrum" in news else _SILENT
        head = struct.pack(f"<BBxx{len(hz)}f", len(hz), len(latents), *hz)
        picture = head + self._heard(news["rate_hz"]) + drawn + latents
        self._n_alike = self._n_alike + 1 if picture == self._last else 0
        self._last = picture
        return picture if self._n_alike <= _MOST_ALIKE else None

    def begin_again(self) -> None:
        """Send unchanged pictures for another second: a new page has received none."""
        self._n_alike = 0

    def _heard(self, rate_hz: int) -> bytes:
        if self._ring is None:
            return _SILENT
        if self._hearing is None or self._hearing.rate_hz != rate_hz:
            self._hearing = _Hearing(self._ring, rate_hz)
        return self._hearing.levels()


class _Hearing:
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
        """The levels of the newest sound; left and right are averaged as powers, so that they cannot cancel."""
        sound = self._recent.read(WINDOW_FRAMES)
        if not sound.any():
            return _SILENT
        sides = self._np.abs(self._np.fft.rfft(sound * self._window, axis=0))
        # 0 dB is a sine of amplitude 1 in both channels; with this window, its peak is a quarter of WINDOW_FRAMES.
        mean = self._np.sqrt(self._np.mean(sides * sides, axis=1))
        return self._picture.draw(mean, 4.0 / WINDOW_FRAMES)
