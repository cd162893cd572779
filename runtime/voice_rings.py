"""Every lane's sound, made hops ahead of its being heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.synthesis import N_NOISE_FRAMES, NoiseSynthesis
from runtime.transposition import OVERSAMPLING, Transposer

# A new spectrum is heard by this crossfade, and not only when the window has passed.
CROSSFADE_S = 0.012
# A timbre at rest is made so many hops ahead: nothing but a turned knob can change it, and then it is made again.
N_HOPS_AHEAD = 4


class VoiceRings:
    """One ring of samples per lane; a frame's place is its absolute number modulo `size`.

    hop_offsets: frame at which each lane's hops fall, modulo the hop. Each lane follows the stored noise at its own
    distance from the lane before it, so that what it sounds is a function of frame and spectrum. A lane at another
    pitch than its model's note is the transposer's from then on, until it opens again.
    """

    def __init__(self, hop_offsets: Sequence[int], synthesis: NoiseSynthesis, sample_rate_hz: int):
        n_lanes = len(hop_offsets)
        self._synthesis, self._hop_offsets = synthesis, hop_offsets
        self._hop_size = synthesis.hop_size
        self.n_fade = min(self._hop_size, round(CROSSFADE_S * sample_rate_hz))
        self._kept = self._hop_size + self.n_fade
        self.size = 1 << (N_HOPS_AHEAD * self._hop_size + self.n_fade).bit_length()
        # One column more than the ring: the engine mixes no span narrower than two frames.
        self._rings = np.zeros((n_lanes, self.size + 1), np.float32)
        self._pairs = np.zeros((n_lanes, synthesis.n_bins, 2), np.float32)
        self._flat_pairs = self._pairs.reshape(n_lanes, -1)
        self._noise_stride = max(1, N_NOISE_FRAMES // n_lanes)
        self._dense_noise_frame = [0] * n_lanes  # of the transposer's hop 0
        self._turning = [False] * n_lanes  # the next hop fades to a new spectrum
        self._turned_at = [-self.n_fade] * n_lanes
        fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(self.n_fade) / self.n_fade)).astype(np.float32)
        self._fade_in, self._fade_out = fade, 1.0 - fade
        self._faded = np.empty((n_lanes, self.n_fade), np.float32)
        self.transposer = Transposer(
            n_lanes,
            synthesis.n_bins,
            OVERSAMPLING * self._hop_size,
            OVERSAMPLING * self.n_fade,
            N_HOPS_AHEAD * self._hop_size + 1,
            self._dense_hop,
        )

    def frames_to_hop(self, lane: int, frame: int) -> int:
        """Frames until a lane's next hop after `frame`, 1 to hop_size."""
        return (self._hop_offsets[lane] - frame - 1) % self._hop_size + 1

    def set_spectra(self, lanes: Sequence[int], magnitudes: np.ndarray) -> None:
        """Give lanes, ascending, new levelled frames (n, n_magnitudes); the next hop fades over to them."""
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

    def open(self, lane: int, frame: int) -> None:
        """Begin a lane's sound at `frame`, up to its next hop, as if it had always sounded."""
        elapsed = self._hop_size - self.frames_to_hop(lane, frame)
        self.transposer.active[lane] = self._turning[lane] = False
        self._turned_at[lane] = frame - self.n_fade
        sound = self._synthesis.hops(self._flat_pairs[lane : lane + 1], self._noise_frame(lane, frame), 0)
        self._write(slice(lane, lane + 1), frame, sound[:, elapsed : self._kept])

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """Sound `ratio` times as high from `frame` on."""
        if self.transposer.active[lane]:
            self.transposer.set_ratio(lane, frame, ratio)
        elif ratio != 1.0:
            self._dense_noise_frame[lane] = self._noise_frame(lane, frame)
            fading = self.copy(lane, frame, max(0, self._turned_at[lane] + self.n_fade - frame))
            elapsed = self._hop_size - self.frames_to_hop(lane, frame)
            self.transposer.begin(lane, frame, elapsed % self._hop_size, ratio, fading)

    def before_turn(self, lanes: Sequence[int], frame: int) -> None:
        """Make what a fade will need of the old spectra of lanes that are about to get new ones at their hop."""
        for lane in lanes:
            if self.transposer.active[lane]:
                self.transposer.make_fade(lane, frame)

    def hop(self, lanes: slice, frame: int, n_hops: int) -> int:
        """Make the sound of a run of lanes from their hop at `frame` on; returns how many transforms that took."""
        turning = self._turning[lanes]
        for lane in range(lanes.start, lanes.stop):
            if self.transposer.active[lane]:
                self.transposer.turn(lane, frame, self._turning[lane])
            if self._turning[lane]:
                self._turning[lane], self._turned_at[lane] = False, frame
        pairs, noise_frame = self._flat_pairs[lanes], self._noise_frame(lanes.start, frame)
        for number in range(n_hops):
            sound = self._synthesis.hops(pairs, noise_frame + number, self._noise_stride)
            if number == 0:
                self._fade_from_old(lanes, frame, turning, sound)
            self._write(lanes, frame + number * self._hop_size, sound[:, : self._kept])
        return n_hops * len(pairs)

    def is_turning(self, lanes: slice) -> bool:
        """Whether the next hop of some of these lanes fades to a new spectrum."""
        return any(self._turning[lanes])

    def read(self, n_lanes: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of the first lanes from `frame` on, (n_lanes, n_frames), a view; it must not pass the ring's end.

        A transposed lane's row means nothing: `transposer.read` has its sound.
        """
        at = frame % self.size
        return self._rings[:n_lanes, at : at + n_frames]

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, across the ring's end, at most a crossfade beyond what is made."""
        if self.transposer.active[lane]:
            return self.transposer.read([lane], frame, n_frames)[0]
        return np.take(self._rings[lane, : self.size], np.arange(frame, frame + n_frames), mode="wrap")

    def _noise_frame(self, lane: int, frame: int) -> int:
        """Which stored noise frame is the newest in a lane's hop that sounds at `frame`."""
        hop = (frame - self._hop_offsets[lane]) // self._hop_size
        return (hop + lane * self._noise_stride) % N_NOISE_FRAMES

    def _fade_from_old(self, lanes: slice, frame: int, turning: list[bool], sound: np.ndarray) -> None:
        """Where spectra turn, begin with what the rings still hold of the old sound, and fade to the new one.

        The two have their phases in common, so that their amplitudes add up.
        """
        at = frame % self.size
        n_first = min(self.n_fade, self.size - at)
        for rows in [slice(None)] if all(turning) else [slice(i, i + 1) for i, turn in enumerate(turning) if turn]:
            new, ring = sound[rows, : self.n_fade], self._rings[lanes][rows]
            old = self._faded[: len(new)]
            np.multiply(ring[:, at : at + n_first], self._fade_out[:n_first], out=old[:, :n_first])
            np.multiply(ring[:, : self.n_fade - n_first], self._fade_out[n_first:], out=old[:, n_first:])
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
