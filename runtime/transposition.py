"""Voices that sound at another pitch than their model's note: their sound is read faster or slower.

Bins cannot be shifted instead: below note 29 all harmonics lie inside one lobe of the window. So a voice's hops are
made at twice the density and laid end to end in its own time; reading them at a ratio transposes them, and any curve
of ratios is bend, glide and vibrato.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

OVERSAMPLING = 2
RING_SIZE = 1 << 15
_FRACTION_BITS = 24
_ONE = 1 << _FRACTION_BITS
_FRACTION_MASK = _ONE - 1
# The interpolation looks one sample back and two ahead.
_AHEAD = 3
_BAND_STEP = 2.0 ** (2.0 / 12.0)

# (lane, hop number, n_bins) -> float32 sound of that hop at OVERSAMPLING, and what lies beyond it; a view
MakeHop = Callable[[int, int, int], np.ndarray]


class Transposer:
    """Reads lanes at ratios. Positions are in ring samples, OVERSAMPLING to a frame at ratio 1, in fixed point.

    make_hop: gives a lane's sound; n_hop_samples: its length in ring samples; n_fade_samples: of a change of spectrum.
    """

    def __init__(self, n_lanes: int, n_bins: int, n_hop_samples: int, n_fade_samples: int, max_frames: int,
                 make_hop: MakeHop):  # fmt: skip
        self.active = [False] * n_lanes
        self.n_transforms = 0
        self._n_bins, self._n_hop, self._make_hop = n_bins, n_hop_samples, make_hop
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(n_fade_samples) / n_fade_samples)).astype(np.float32)
        self._rings = np.zeros((n_lanes, RING_SIZE), np.float32)
        self._origin = [0] * n_lanes  # position at _since, fixed point
        self._since = [0] * n_lanes
        self._step = [0] * n_lanes  # per frame, fixed point
        self._made_to = [0] * n_lanes
        self._band = [n_bins] * n_lanes
        self._frames = np.arange(max_frames, dtype=np.int64)

    def begin(self, lane: int, frame: int, elapsed: int, ratio: float, fading: np.ndarray) -> None:
        """Take a lane over `elapsed` frames after its hop number 0 began.

        fading: the frames to come in which the lane still fades to its spectrum; the fade is finished from them.
        """
        self.active[lane] = True
        self._origin[lane] = elapsed * OVERSAMPLING * _ONE
        self._since[lane], self._step[lane] = frame, self._fixed_step(ratio)
        self._band[lane] = self._band_for(ratio)
        # The sample before the first is read too: so the hop before is made as well.
        self._made_to[lane] = -self._n_hop
        self._make_to(lane, self._n_hop)
        if len(fading) > 1:
            dense = np.interp(np.arange(OVERSAMPLING * (len(fading) - 1)) / OVERSAMPLING, np.arange(len(fading)), fading)
            self._fade_over(lane, elapsed * OVERSAMPLING, dense.astype(np.float32), np.linspace(0.0, 1.0, len(dense)))

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """From `frame` on read at another ratio; the sound goes on where it is."""
        self._origin[lane], self._since[lane] = self._position(lane, frame), frame
        self._step[lane] = self._fixed_step(ratio)

    def make_fade(self, lane: int, frame: int) -> None:
        """Make as much of a lane's sound as a fade that begins at `frame` will need of it."""
        self._make_to(lane, (self._position(lane, frame) >> _FRACTION_BITS) + len(self._fade) + _AHEAD)

    def turn(self, lane: int, frame: int, spectrum_changed: bool) -> None:
        """At a lane's hop: fade over to its new spectrum, or to the band that its ratio leaves below half the rate.

        Where the spectrum changed, `make_fade` was called before.
        """
        band = self._band_for(self._step[lane] / (OVERSAMPLING * _ONE))
        if not spectrum_changed and band == self._band[lane]:
            return
        if not spectrum_changed:
            self.make_fade(lane, frame)
        start = self._position(lane, frame) >> _FRACTION_BITS
        old = self._rings[lane, np.arange(start, start + len(self._fade)) & (RING_SIZE - 1)]
        self._band[lane] = band
        made_to, first = self._made_to[lane], start // self._n_hop * self._n_hop
        kept = self._rings[lane, np.arange(first, start) & (RING_SIZE - 1)]
        self._made_to[lane] = first
        self._make_to(lane, made_to)
        self._rings[lane, np.arange(first, start) & (RING_SIZE - 1)] = kept
        self._fade_over(lane, start, old, self._fade)

    def read(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Sound float32 (n_lanes, n_frames) of these lanes from `frame` on."""
        for lane in lanes:
            end = (self._position(lane, frame + n_frames) >> _FRACTION_BITS) + _AHEAD
            self._make_to(lane, end)
        origins = np.array([[self._position(lane, frame)] for lane in lanes])
        steps = np.array([[self._step[lane]] for lane in lanes])
        positions = origins + steps * self._frames[:n_frames]
        fraction = (positions & _FRACTION_MASK).astype(np.float32) * np.float32(1.0 / _ONE)
        places = positions >> _FRACTION_BITS
        rows = np.array([[lane * RING_SIZE] for lane in lanes])
        flat = self._rings.reshape(-1)
        before, at, after, later = (flat[rows + ((places + k) & (RING_SIZE - 1))] for k in (-1, 0, 1, 2))
        # Cubic Hermite (Catmull-Rom): exact enough where the sound fills at most half the band.
        slope = np.float32(0.5) * (after - before)
        cubic = np.float32(1.5) * (at - after) + np.float32(0.5) * (later - before)
        square = after - at - slope - cubic
        return ((cubic * fraction + square) * fraction + slope) * fraction + at

    def max_frames(self, lanes: Sequence[int]) -> int:
        """How many frames one `read` may ask of these lanes."""
        fastest = max((self._step[lane] for lane in lanes), default=_ONE)
        return max(2, (RING_SIZE // 4 << _FRACTION_BITS) // max(1, fastest))

    def _position(self, lane: int, frame: int) -> int:
        return self._origin[lane] + self._step[lane] * (frame - self._since[lane])

    def _fixed_step(self, ratio: float) -> int:
        return round(ratio * OVERSAMPLING * _ONE)

    def _band_for(self, ratio: float) -> int:
        """Bins that stay below half the rate when read at a ratio, in steps of a tone so that vibrato moves nothing."""
        if ratio <= 1.0:
            return self._n_bins
        steps = np.ceil(np.log(ratio) / np.log(_BAND_STEP) - 1e-6)
        return max(2, int(self._n_bins / _BAND_STEP**steps))

    def _make_to(self, lane: int, end: int) -> None:
        while self._made_to[lane] < end:
            begin = self._made_to[lane]
            sound = self._make_hop(lane, begin // self._n_hop, self._band[lane])[: self._n_hop + _AHEAD]
            at = begin & (RING_SIZE - 1)
            n_first = min(len(sound), RING_SIZE - at)
            self._rings[lane, at : at + n_first] = sound[:n_first]
            self._rings[lane, : len(sound) - n_first] = sound[n_first:]
            self._made_to[lane] += self._n_hop
            self.n_transforms += 1

    def _fade_over(self, lane: int, start: int, old: np.ndarray, fade: np.ndarray) -> None:
        """From `start` on let the ring begin with `old` and end, where `fade` is one, with what it holds."""
        places = np.arange(start, start + len(old)) & (RING_SIZE - 1)
        self._rings[lane, places] = old + fade.astype(np.float32) * (self._rings[lane, places] - old)
