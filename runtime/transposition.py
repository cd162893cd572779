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

# (lane, hop number, n_bins, octave) -> float32 sound of that hop, OVERSAMPLING samples to a frame, halved `octave`
# times, and what lies beyond it; a view
MakeHop = Callable[[int, int, int, int], np.ndarray]


class Transposer:
    """Reads lanes at ratios. Positions are in ring samples, in fixed point.

    A lane has OVERSAMPLING ring samples to a frame at ratio 1. Where it begins an octave or more higher, that is
    halved so many times: what would lie above half the rate need not be made.

    make_hop: gives a lane's sound; turn_phases: told of the hop number from which a lane's spectrum is another;
    n_hop_samples: its length in ring samples; n_octaves: how often that can be halved; n_fade_samples: of a change
    of spectrum.
    """

    def __init__(
        self,
        n_lanes: int,
        n_bins: int,
        n_octaves: int,
        n_hop_samples: int,
        n_fade_samples: int,
        max_frames: int,
        make_hop: MakeHop,
        turn_phases: Callable[[int, int], None],
    ):
        self.active = [False] * n_lanes
        self.n_active = self.n_transforms = 0
        self._n_bins, self._n_octaves, self._n_hop_samples = n_bins, n_octaves, n_hop_samples
        self._make_hop = make_hop
        self._turn_phases = turn_phases
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(n_fade_samples) / n_fade_samples)).astype(np.float32)
        # Filled, so that its memory is there before a first bend is played; zeros would be mapped in as it sounds.
        self._rings = np.full((n_lanes, RING_SIZE), 0.0, np.float32)
        self._origin = [0] * n_lanes  # position at _since, fixed point
        self._since = [0] * n_lanes
        self._step = [0] * n_lanes  # per frame, fixed point
        self._made_to = [0] * n_lanes
        self._octave = [0] * n_lanes
        self._n_hop = [n_hop_samples] * n_lanes
        self._band = [n_bins] * n_lanes
        self._frames = np.arange(max_frames, dtype=np.int64)
        self._integers = np.empty((2, n_lanes * max_frames), np.int64)
        self._floats = np.empty((6, n_lanes * max_frames), np.float32)

    def begin(self, lane: int, frame: int, elapsed: int, ratio: float, fading: np.ndarray) -> None:
        """Take a lane over `elapsed` frames after its hop number 0 began.

        fading: the frames to come in which the lane still fades to its spectrum; the fade is finished from them.
        """
        self.n_active += not self.active[lane]
        self.active[lane] = True
        octave = self._octave[lane] = min(self._n_octaves, max(0, int(np.log2(ratio))))
        self._n_hop[lane] = self._n_hop_samples >> octave
        self._origin[lane] = elapsed * self._density(lane)
        self._since[lane], self._step[lane] = frame, self._fixed_step(lane, ratio)
        self._band[lane] = self._band_for(lane, ratio)
        # The sample before the first is read too: so the hop before is made as well.
        self._made_to[lane] = -self._n_hop[lane]
        self._make_to(lane, self._n_hop[lane])
        if len(fading) > 1:
            n = (len(fading) - 1) * self._density(lane) >> _FRACTION_BITS
            dense = np.interp(np.arange(n) * (_ONE / self._density(lane)), np.arange(len(fading)), fading)
            start = self._origin[lane] >> _FRACTION_BITS
            self._fade_over(lane, start, dense.astype(np.float32), np.linspace(0.0, 1.0, n))

    def leave(self, lane: int) -> None:
        """A lane opens anew and is no longer read at a ratio."""
        self.n_active -= self.active[lane]
        self.active[lane] = False

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """From `frame` on read at another ratio; the sound goes on where it is."""
        self._origin[lane], self._since[lane] = self._position(lane, frame), frame
        self._step[lane] = self._fixed_step(lane, ratio)

    def make_fade(self, lane: int, frame: int) -> None:
        """Make as much of a lane's sound as a fade that begins at `frame` will need of it."""
        self._make_to(lane, (self._position(lane, frame) >> _FRACTION_BITS) + len(self._fade) + _AHEAD)

    def turn(self, lane: int, frame: int, spectrum_changed: bool) -> None:
        """At a lane's hop: fade over to its new spectrum, or to the band that its ratio leaves below half the rate.

        Where the spectrum changed, `make_fade` was called before.
        """
        band = self._band_for(lane, self._step[lane] / self._density(lane))
        if not spectrum_changed and band == self._band[lane]:
            return
        if not spectrum_changed:
            self.make_fade(lane, frame)
        start = self._position(lane, frame) >> _FRACTION_BITS
        old = self._rings[lane, np.arange(start, start + len(self._fade)) & (RING_SIZE - 1)]
        self._band[lane] = band
        made_to, first = self._made_to[lane], start // self._n_hop[lane] * self._n_hop[lane]
        kept = self._rings[lane, np.arange(first, start) & (RING_SIZE - 1)]
        self._made_to[lane] = first
        if spectrum_changed:
            self._turn_phases(lane, first // self._n_hop[lane])
        self._make_to(lane, made_to)
        self._rings[lane, np.arange(first, start) & (RING_SIZE - 1)] = kept
        self._fade_over(lane, start, old, self._fade)

    def read(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Sound float32 (n_lanes, n_frames) of these lanes from `frame` on; a view, valid until the next call."""
        for lane in lanes:
            end = (self._position(lane, frame + n_frames) >> _FRACTION_BITS) + _AHEAD
            self._make_to(lane, end)
        shape = len(lanes), n_frames
        places, index = (a[: shape[0] * shape[1]].reshape(shape) for a in self._integers)
        fraction, before, at, after, later, curve = (a[: shape[0] * shape[1]].reshape(shape) for a in self._floats)
        for row, lane in zip(places, lanes, strict=True):
            np.multiply(self._frames[:n_frames], self._step[lane], out=row)
            row += self._position(lane, frame)
        np.bitwise_and(places, _FRACTION_MASK, out=index)
        np.multiply(index, np.float32(1.0 / _ONE), out=fraction, casting="same_kind")
        np.right_shift(places, _FRACTION_BITS, out=places)
        for offset, samples in ((-1, before), (0, at), (1, after), (2, later)):
            np.add(places, offset, out=index)
            index &= RING_SIZE - 1
            for row, lane, out in zip(index, lanes, samples, strict=True):
                np.take(self._rings[lane], row, out=out, mode="clip")
        return _interpolated(fraction, before, at, after, later, curve)

    def max_frames(self, lanes: Sequence[int]) -> int:
        """How many frames one `read` may ask of these lanes."""
        fastest = max((self._step[lane] for lane in lanes), default=_ONE)
        return max(2, (RING_SIZE // 4 << _FRACTION_BITS) // max(1, fastest))

    def _position(self, lane: int, frame: int) -> int:
        return self._origin[lane] + self._step[lane] * (frame - self._since[lane])

    def _density(self, lane: int) -> int:
        """Ring samples to a frame at ratio 1, fixed point."""
        return OVERSAMPLING * _ONE >> self._octave[lane]

    def _fixed_step(self, lane: int, ratio: float) -> int:
        return round(ratio * self._density(lane))

    def _band_for(self, lane: int, ratio: float) -> int:
        """Bins that stay below half the rate when read at a ratio, in steps of a tone so that vibrato moves nothing."""
        ratio = max(ratio, 2.0 ** self._octave[lane])
        if ratio <= 1.0:
            return self._n_bins
        steps = np.ceil(np.log(ratio) / np.log(_BAND_STEP) - 1e-6)
        return max(2, int(self._n_bins / _BAND_STEP**steps))

    def _make_to(self, lane: int, end: int) -> None:
        n_hop = self._n_hop[lane]
        while self._made_to[lane] < end:
            begin = self._made_to[lane]
            sound = self._make_hop(lane, begin // n_hop, self._band[lane], self._octave[lane])[: n_hop + _AHEAD]
            at = begin & (RING_SIZE - 1)
            n_first = min(len(sound), RING_SIZE - at)
            self._rings[lane, at : at + n_first] = sound[:n_first]
            self._rings[lane, : len(sound) - n_first] = sound[n_first:]
            self._made_to[lane] += n_hop
            self.n_transforms += 1

    def _fade_over(self, lane: int, start: int, old: np.ndarray, fade: np.ndarray) -> None:
        """From `start` on let the ring begin with `old` and end, where `fade` is one, with what it holds."""
        places = np.arange(start, start + len(old)) & (RING_SIZE - 1)
        self._rings[lane, places] = old + fade.astype(np.float32) * (self._rings[lane, places] - old)


def _interpolated(
    fraction: np.ndarray, before: np.ndarray, at: np.ndarray, after: np.ndarray, later: np.ndarray, curve: np.ndarray
) -> np.ndarray:
    """Cubic Hermite (Catmull-Rom) between `at` and `after`; exact enough where sound fills at most half the band.

    All of one shape. `curve` holds the result; all but fraction and at are overwritten.
    """
    half = np.float32(0.5)
    np.subtract(after, before, out=curve)  # twice the slope
    later -= before
    later *= half
    np.subtract(at, after, out=before)
    before *= np.float32(1.5)
    before += later  # the cubic's coefficient
    curve *= half
    np.subtract(after, at, out=later)
    later -= curve
    later -= before  # the square's
    before *= fraction
    before += later
    before *= fraction
    before += curve
    before *= fraction
    np.add(before, at, out=curve)
    return curve
