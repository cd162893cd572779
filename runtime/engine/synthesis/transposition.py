"""Voices that sound at another pitch than their model's note: their sound is read faster or slower.

Bins cannot be shifted instead: below note 29 all harmonics lie inside one lobe of the window. So a voice's hops are
made at twice the density and laid end to end in its own time; reading them at a ratio transposes them, and any curve
of ratios is bend, glide and vibrato.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from runtime.engine.synthesis.hops import ROWS_AT_ONCE

OVERSAMPLING = 2
_LEAST_RING_SIZE = 1 << 15
_FRACTION_BITS = 24
_ONE = 1 << _FRACTION_BITS
_FRACTION_MASK = _ONE - 1
# The interpolation looks one sample back, and less than three ahead.
_BEHIND, _AHEAD = 1, 3
_BAND_STEP = 2.0 ** (2.0 / 12.0)
_BAND_STEP_LOG = math.log(_BAND_STEP)

# Lanes that hop together would all need their next hop at once: they work in shifts, each a part of a hop earlier.
_N_SHIFTS, _LANES_PER_SHIFT = 4, ROWS_AT_ONCE
# No block should have to read for a long span, nor should a read be all calls.
_LANE_FRAMES_AT_ONCE, _MOST_FRAMES_AT_ONCE, _LEAST_FRAMES_AT_ONCE = 4096, 256, 64

# ((lane, hop number, n_bins), ...) at most ROWS_AT_ONCE, octave -> float32 (n, n_hop_samples >> octave), the sound of
# those hops, OVERSAMPLING samples to a frame, halved `octave` times; a view, which may be overwritten
MakeHops = Callable[[Sequence[tuple[int, int, int]], int], np.ndarray]


class Beginning(NamedTuple):
    """A lane that the transposer takes over, `elapsed` frames after its hop number 0 began.

    fading: the frames to come in which the lane still fades to its spectrum; the fade is finished from them.
    """

    lane: int
    elapsed: int
    ratio: float
    fading: np.ndarray


class Transposer:
    """Reads lanes at ratios. Positions are in ring samples, in fixed point.

    A lane has OVERSAMPLING ring samples to a frame at ratio 1. Where it begins an octave or more higher, that is
    halved so many times: what would lie above half the rate need not be made. Whatever is made goes through each step
    for all lanes that want it.

    hop_offsets: where each lane's hops fall; n_bins: of a frame; n_bins_below_half: those below half the rate at ratio
    1; n_octaves: how often the density can be halved; n_hop_samples: a hop's length in ring samples; n_fade_samples: of
    a change of spectrum; max_frames: of one `read`; make_hops: gives lanes' sound; turn_phases: told of lanes and the
    hop numbers from which their spectra are others.
    """

    def __init__(
        self,
        hop_offsets: Sequence[int],
        n_bins: int,
        n_bins_below_half: int,
        n_octaves: int,
        n_hop_samples: int,
        n_fade_samples: int,
        max_frames: int,
        make_hops: MakeHops,
        turn_phases: Callable[[Sequence[int], Sequence[int]], None],
    ):
        n_lanes = len(hop_offsets)
        self.active = [False] * n_lanes
        self.n_active = self.n_transforms = 0
        self._n_bins, self._bins_filled = n_bins, n_bins / n_bins_below_half
        self._n_octaves, self._n_hop_samples = n_octaves, n_hop_samples
        self._make_hops = make_hops
        self._turn_phases = turn_phases
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(n_fade_samples) / n_fade_samples)).astype(np.float32)
        # Filled, so that its memory is there before a first bend is played; zeros would be mapped in as it sounds.
        self._ring_size = max(_LEAST_RING_SIZE, 1 << (4 * n_hop_samples).bit_length())
        self._rings = np.full((n_lanes, self._ring_size + _AHEAD), 0.0, np.float32)
        # The interpolation's four samples, each at the place of the first: beyond its end a ring goes on as it begins.
        self._samples = [self._rings.reshape(-1)[offset:] for offset in range(_BEHIND + _AHEAD)]
        self._origin = [0] * n_lanes  # position at _since, fixed point
        self._since = [0] * n_lanes
        self._step = [0] * n_lanes  # per frame, fixed point
        self._made_to = [0] * n_lanes
        self._fades_at = [-n_fade_samples] * n_lanes  # where the fade to its present spectrum begins
        self._octave = [0] * n_lanes
        self._n_hop = [n_hop_samples] * n_lanes
        # By its place among those that it hops with.
        places = [lane - hop_offsets.index(offset) for lane, offset in enumerate(hop_offsets)]
        self._shift = [place // _LANES_PER_SHIFT % _N_SHIFTS for place in places]
        self._band = [n_bins] * n_lanes
        self._frames = np.arange(max_frames, dtype=np.int64)
        self._columns = np.empty((3, n_lanes, 1), np.int64)
        self._integers = np.empty((2, n_lanes * max_frames), np.int64)
        self._floats = np.empty((6, n_lanes * max_frames), np.float32)

    def begin(self, beginnings: Sequence[Beginning], frame: int) -> None:
        """Take lanes over at `frame`."""
        for lane, elapsed, ratio, _ in beginnings:
            self.n_active += not self.active[lane]
            self.active[lane] = True
            octave = self._octave[lane] = min(self._n_octaves, max(0, int(np.log2(ratio))))
            n_hop = self._n_hop[lane] = self._n_hop_samples >> octave
            self._origin[lane] = elapsed * self._density(lane)
            self._since[lane], self._step[lane] = frame, self._fixed_step(lane, ratio)
            self._band[lane] = self._band_for(lane, ratio)
            self._fades_at[lane] = -2 * n_hop - len(self._fade)
            # The sample before the first is read too.
            self._made_to[lane] = 0 if self._place(lane, frame) >= _BEHIND else -n_hop
        lanes = [beginning.lane for beginning in beginnings]
        self._make_to(lanes, [self._n_hop[lane] for lane in lanes])
        for lane, _, _, fading in beginnings:
            if len(fading) > 1:
                self._finish_fade(lane, fading)

    def leave(self, lane: int) -> None:
        """A lane opens anew and is no longer read at a ratio."""
        self.n_active -= self.active[lane]
        self.active[lane] = False

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """From `frame` on read at another ratio; the sound goes on where it is."""
        self._origin[lane], self._since[lane] = self._position(lane, frame), frame
        self._step[lane] = self._fixed_step(lane, ratio)

    def make_fades(self, lanes: Sequence[int], frame: int) -> None:
        """Make as much of lanes' sound as fades that begin at `frame` will need of it."""
        self._make_to(lanes, [self._place(lane, frame) + len(self._fade) + _AHEAD for lane in lanes])

    def turn(self, lanes: Sequence[int], frame: int, spectrum_changed: Sequence[bool]) -> None:
        """At lanes' hop: fade over to new spectra, or to the bands that their ratios leave below half the rate.

        Where the spectrum changed, `make_fades` was called before.
        """
        bands = [self._band_for(lane, self._step[lane] / self._density(lane)) for lane in lanes]
        changed = [lane for lane, turns in zip(lanes, spectrum_changed, strict=True) if turns]
        others = [
            lane
            for lane, band, turns in zip(lanes, bands, spectrum_changed, strict=True)
            if not turns and band != self._band[lane]
        ]
        if others:
            self.make_fades(others, frame)
        for lane, band in zip(lanes, bands, strict=True):
            self._band[lane] = band
        turning = changed + others
        for lane in turning:
            place, n_hop = self._place(lane, frame), self._n_hop[lane]
            self._fades_at[lane], self._made_to[lane] = place, place // n_hop * n_hop
        self._turn_phases(changed, [self._made_to[lane] // self._n_hop[lane] for lane in changed])
        self.make_fades(turning, frame)

    def read(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Sound float32 (n_lanes, n_frames) of these lanes from `frame` on; a view, valid until the next call."""
        self._make_to(lanes, [self._wanted_to(lane, frame, n_frames) for lane in lanes])
        n = len(lanes)
        shape, n_samples = (n, n_frames), n * n_frames
        steps, positions, rings = self._columns[:, :n]
        steps[:, 0] = [self._step[lane] for lane in lanes]
        positions[:, 0] = [self._position(lane, frame) for lane in lanes]
        rings[:, 0] = [lane * (self._ring_size + _AHEAD) for lane in lanes]
        places, index = (a[:n_samples].reshape(shape) for a in self._integers)
        floats = [a[:n_samples].reshape(shape) for a in self._floats]
        np.multiply(self._frames[:n_frames], steps, out=places)
        places += positions
        np.bitwise_and(places, _FRACTION_MASK, out=index)
        fraction, samples, curve = floats[0], floats[1:-1], floats[-1]
        np.multiply(index, np.float32(1.0 / _ONE), out=fraction, casting="same_kind")
        places >>= _FRACTION_BITS
        places -= _BEHIND
        places &= self._ring_size - 1
        places += rings
        for ring, taken in zip(self._samples, samples, strict=True):
            np.take(ring, places, out=taken, mode="clip")
        return _interpolated(fraction, *samples, curve)

    def max_frames(self, lanes: Sequence[int]) -> int:
        """How many frames one `read` should ask of these lanes, of which there is one at least."""
        at_once = min(max(_LANE_FRAMES_AT_ONCE // len(lanes), _LEAST_FRAMES_AT_ONCE), _MOST_FRAMES_AT_ONCE)
        fastest = max(self._step[lane] for lane in lanes)
        return max(2, min(1 << at_once.bit_length() - 1, (self._ring_size // 4 << _FRACTION_BITS) // max(1, fastest)))

    def _position(self, lane: int, frame: int) -> int:
        return self._origin[lane] + self._step[lane] * (frame - self._since[lane])

    def _place(self, lane: int, frame: int) -> int:
        """The ring sample at or before a lane's position."""
        return self._position(lane, frame) >> _FRACTION_BITS

    def _wanted_to(self, lane: int, frame: int, n_frames: int) -> int:
        """Up to where a lane is to be made for a read: ahead by its shift, unless it is too late for that."""
        end = self._place(lane, frame + n_frames) + _AHEAD
        ahead = self._shift[lane] * self._n_hop[lane] // _N_SHIFTS
        return end + ahead if self._place(lane, frame) + _AHEAD + ahead <= self._made_to[lane] else end

    def _density(self, lane: int) -> int:
        """Ring samples to a frame at ratio 1, fixed point."""
        return OVERSAMPLING * _ONE >> self._octave[lane]

    def _fixed_step(self, lane: int, ratio: float) -> int:
        return round(ratio * self._density(lane))

    def _band_for(self, lane: int, ratio: float) -> int:
        """Bins that stay below half the rate when read at a ratio, in steps of a tone: most vibrato moves nothing."""
        filled = max(ratio, 2.0 ** self._octave[lane]) * self._bins_filled
        if filled <= 1.0:
            return self._n_bins
        steps = math.ceil(math.log(filled) / _BAND_STEP_LOG - 1e-6)
        return max(2, int(self._n_bins / _BAND_STEP**steps))

    def _make_to(self, lanes: Sequence[int], ends: Sequence[int]) -> None:
        """Make lanes' sound up to these ends, in ring samples; hops of one density go through one transform."""
        hops = [
            (self._octave[lane], lane, begin)
            for lane, end in zip(lanes, ends, strict=True)
            for begin in range(self._made_to[lane], end, self._n_hop[lane])
        ]
        hops.sort()
        while hops:
            octave, n_hop = hops[0][0], self._n_hop_samples >> hops[0][0]
            batch = [(lane, begin) for of, lane, begin in hops[:ROWS_AT_ONCE] if of == octave]
            del hops[: len(batch)]
            sounds = self._make_hops([(lane, begin // n_hop, self._band[lane]) for lane, begin in batch], octave)
            for (lane, begin), sound in zip(batch, sounds, strict=True):
                self._write_hop(lane, begin, sound)
                self._made_to[lane] = begin + n_hop
            self.n_transforms += len(batch)

    def _write_hop(self, lane: int, begin: int, sound: np.ndarray) -> None:
        """Write what is new of a hop: before the last fade nothing, within it a part."""
        fades_at = self._fades_at[lane]
        done, faded = max(0, fades_at - begin), min(len(sound), fades_at + len(self._fade) - begin)
        if done < faded:
            fade = self._fade[begin + done - fades_at : begin + faded - fades_at]
            self._write(lane, begin + done, sound[done:faded], fade)
            done = faded
        self._write(lane, begin + done, sound[done:])

    def _write(self, lane: int, begin: int, sound: np.ndarray, fade: np.ndarray | None = None) -> None:
        """Let a ring hold sound from `begin` on; with a fade, less of what it held the nearer that comes to one."""
        ring, at = self._rings[lane], begin & (self._ring_size - 1)
        n_first = min(len(sound), self._ring_size - at)
        for places, part in (
            (slice(at, at + n_first), slice(0, n_first)),
            (slice(0, len(sound) - n_first), slice(n_first, None)),
        ):
            if fade is None:
                ring[places] = sound[part]
            else:
                change = np.subtract(sound[part], ring[places], out=sound[part])
                change *= fade[part]
                ring[places] += change
        ring[self._ring_size :] = ring[:_AHEAD]

    def _finish_fade(self, lane: int, fading: np.ndarray) -> None:
        """Let a lane that begins go on with the frames `fading`, and end where they end with what its ring holds."""
        density = self._density(lane)
        n = (len(fading) - 1) * density >> _FRACTION_BITS
        dense = np.interp(np.arange(n) * (_ONE / density), np.arange(len(fading)), fading).astype(np.float32)
        self._write(lane, self._origin[lane] >> _FRACTION_BITS, dense, np.linspace(1.0, 0.0, n, dtype=np.float32))


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
