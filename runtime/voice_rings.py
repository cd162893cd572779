"""Every lane's sound up to its next hop, and a little beyond it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.synthesis import N_NOISE_FRAMES, NoiseSynthesis
from runtime.transposition import OVERSAMPLING, Transposer

# A new spectrum is heard by this crossfade, and not only when the window has passed.
CROSSFADE_S = 0.012


class VoiceRings:
    """One ring of samples per lane; a frame's place is its absolute number modulo `size`.

    Lanes of a group hop together. Each lane follows the stored noise at its own distance from the lane before it. A
    lane at another pitch than its model's note is the transposer's from then on, until it opens again.
    """

    def __init__(self, n_lanes: int, synthesis: NoiseSynthesis, sample_rate_hz: int):
        self._synthesis = synthesis
        self._hop_size = synthesis.hop_size
        n_fade = min(self._hop_size, round(CROSSFADE_S * sample_rate_hz))
        self._kept = self._hop_size + n_fade
        self.size = 1 << self._kept.bit_length()
        # One column more than the ring: the engine mixes no span narrower than two frames.
        self._rings = np.zeros((n_lanes, self.size + 1), np.float32)
        self._pairs = np.zeros((n_lanes, synthesis.n_bins, 2), np.float32)
        self._turning = [False] * n_lanes  # the next hop fades to a new spectrum
        self._turned = [False] * n_lanes  # the present hop did
        self._noise_stride = max(1, N_NOISE_FRAMES // n_lanes)
        self._hop_frame = [0] * n_lanes
        self._dense_noise_frame = [0] * n_lanes  # of the transposer's hop 0
        fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(n_fade) / n_fade)).astype(np.float32)
        self._fade_in, self._fade_out = fade, 1.0 - fade
        self._faded = np.empty((n_lanes, n_fade), np.float32)
        self.transposer = Transposer(
            n_lanes,
            synthesis.n_bins,
            OVERSAMPLING * self._hop_size,
            OVERSAMPLING * n_fade,
            self._hop_size + 1,
            self._dense_hop,
        )

    def set_spectra(self, lanes: Sequence[int], magnitudes: np.ndarray) -> None:
        """Give lanes new levelled frames (n, n_magnitudes); the next hop fades over to them."""
        frames = magnitudes[:, : self._synthesis.n_bins]
        if lanes[-1] - lanes[0] == len(lanes) - 1:
            run = slice(lanes[0], lanes[-1] + 1)
            self._pairs[run, :, 0] = frames
            self._pairs[run, :, 1] = frames
        else:
            for lane, frame in zip(lanes, frames, strict=True):
                self._pairs[lane] = frame[:, None]
        for lane in lanes:
            self._turning[lane] = True

    def open(self, lane: int, frame: int, frames_to_hop: int) -> None:
        """Begin a lane's sound at `frame` as if it had always sounded; frames_to_hop: 1 to hop_size."""
        elapsed = self._hop_size - frames_to_hop
        self.transposer.active[lane] = self._turning[lane] = self._turned[lane] = False
        self._hop_frame[lane] = frame - elapsed
        sound = self._synthesis.hops(self._flat_pairs[lane : lane + 1], self._noise_frame(lane), 0)
        self._write(slice(lane, lane + 1), frame, sound[:, elapsed : self._kept])

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """Sound `ratio` times as high from `frame` on."""
        if self.transposer.active[lane]:
            self.transposer.set_ratio(lane, frame, ratio)
        elif ratio != 1.0:
            elapsed = frame - self._hop_frame[lane]
            self._dense_noise_frame[lane] = self._noise_frame(lane)
            n_fading = len(self._fade_in) - elapsed if self._turned[lane] else 0
            self.transposer.begin(lane, frame, elapsed, ratio, self.copy(lane, frame, max(0, n_fading)))

    def before_turn(self, lanes: Sequence[int], frame: int) -> None:
        """Make what a fade will need of the old spectra of lanes that are about to get new ones at their hop."""
        for lane in lanes:
            if self.transposer.active[lane]:
                self.transposer.make_fade(lane, frame)

    def hop(self, lanes: slice, frame: int) -> int:
        """Make the sound of a run of lanes from their hop at `frame` on; returns how many transforms that took."""
        for lane in range(lanes.start, lanes.stop):
            if self.transposer.active[lane]:
                self.transposer.turn(lane, frame, self._turning[lane])
            self._hop_frame[lane] = frame
            self._turned[lane], self._turning[lane] = self._turning[lane], False
        sound = self._synthesis.hops(self._flat_pairs[lanes], self._noise_frame(lanes.start), self._noise_stride)
        self._fade_from_old(lanes, frame, sound)
        self._write(lanes, frame, sound[:, : self._kept])
        return lanes.stop - lanes.start

    def read(self, n_lanes: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of the first lanes from `frame` on, (n_lanes, n_frames), a view; it must not pass the ring's end.

        A transposed lane's row means nothing: `transposer.read` has its sound.
        """
        at = frame % self.size
        return self._rings[:n_lanes, at : at + n_frames]

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, across the ring's end, at most a crossfade beyond its next hop."""
        if self.transposer.active[lane]:
            return self.transposer.read([lane], frame, n_frames)[0]
        return np.take(self._rings[lane, : self.size], np.arange(frame, frame + n_frames), mode="wrap")

    @property
    def _flat_pairs(self) -> np.ndarray:
        return self._pairs.reshape(len(self._pairs), -1)

    def _noise_frame(self, lane: int) -> int:
        return (self._hop_frame[lane] // self._hop_size + lane * self._noise_stride) % N_NOISE_FRAMES

    def _fade_from_old(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Where spectra turned, begin with what the hop before still holds, and fade to the new sound.

        The two have their phases in common, so that their amplitudes add up.
        """
        turned = self._turned[lanes]
        n_fade, at = len(self._fade_in), frame % self.size
        n_first = min(n_fade, self.size - at)
        for rows in [slice(None)] if all(turned) else [slice(i, i + 1) for i, turn in enumerate(turned) if turn]:
            new = sound[rows, :n_fade]
            ring = self._rings[lanes][rows]
            old = self._faded[: len(new)]
            np.multiply(ring[:, at : at + n_first], self._fade_out[:n_first], out=old[:, :n_first])
            np.multiply(ring[:, : n_fade - n_first], self._fade_out[n_first:], out=old[:, n_first:])
            new *= self._fade_in
            new += old

    def _dense_hop(self, lane: int, number: int, n_bins: int) -> np.ndarray:
        return self._synthesis.dense_hop(self._flat_pairs[lane], self._dense_noise_frame[lane] + number, n_bins)

    def _write(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        at, n = frame % self.size, sound.shape[1]
        n_first = min(n, self.size - at)
        self._rings[lanes, at : at + n_first] = sound[:, :n_first]
        if n > n_first:
            self._rings[lanes, : n - n_first] = sound[:, n_first:]
