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

    A lane at another pitch than its model's note is the transposer's from then on, until it opens again.
    n_beyond: how many frames after the next hop a lane's sound is still good for, so that a fade may run over it.
    """

    def __init__(self, n_lanes: int, synthesis: NoiseSynthesis, sample_rate_hz: int, n_beyond: int):
        self._synthesis = synthesis
        self._hop_size = synthesis.hop_size
        self._kept = self._hop_size + n_beyond
        self.size = 1 << self._kept.bit_length()
        # One column more than the ring: the engine mixes no span narrower than two frames.
        self._rings = np.zeros((n_lanes, self.size + 1), np.float32)
        self._spectra = np.zeros((n_lanes, 2, synthesis.n_magnitudes), np.float32)
        self._newer = [0] * n_lanes
        self._turning = [False] * n_lanes  # the next hop fades between spectra
        self._turned = [False] * n_lanes  # the present hop does
        self._noise_frame = [0] * n_lanes  # of the present hop; of the transposer's hop 0
        self._hop_frame = [0] * n_lanes
        n_fade = min(self._hop_size, round(CROSSFADE_S * sample_rate_hz))
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(n_fade) / n_fade)).astype(np.float32)
        self.transposer = Transposer(
            n_lanes,
            synthesis.n_bins,
            OVERSAMPLING * self._hop_size,
            OVERSAMPLING * n_fade,
            self._hop_size + 1,
            self._dense_hop,
        )

    def set_spectrum(self, lane: int, magnitudes: np.ndarray, level: float, opening: bool) -> None:
        """Give a lane a new frame (n_magnitudes,) times `level`; unless it opens, the next hop fades over to it."""
        self._newer[lane] = 1 - self._newer[lane]
        np.multiply(magnitudes, np.float32(level), out=self._spectra[lane, self._newer[lane]])
        self._turning[lane] = not opening

    def open(self, lane: int, frame: int, frames_to_hop: int, noise_frame: int) -> None:
        """Begin a lane's sound at `frame` as if it had always sounded; frames_to_hop: 1 to hop_size."""
        elapsed = self._hop_size - frames_to_hop
        self.transposer.active[lane] = False
        self._turned[lane], self._noise_frame[lane], self._hop_frame[lane] = False, noise_frame, frame - elapsed
        sound = self._synthesis.hops([self._spectra[lane, self._newer[lane]]], [noise_frame])[0]
        self._write(lane, frame, sound[elapsed : self._kept])

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """Sound `ratio` times as high from `frame` on."""
        if self.transposer.active[lane]:
            self.transposer.set_ratio(lane, frame, ratio)
        elif ratio != 1.0:
            elapsed = frame - self._hop_frame[lane]
            self.transposer.begin(lane, frame, elapsed, ratio, self._turned[lane])

    def hop(self, lanes: Sequence[int], frame: int) -> int:
        """Make the sound of these lanes from their hop at `frame` on; returns how many transforms that took."""
        transposed = [lane for lane in lanes if self.transposer.active[lane]]
        n_transforms = 0
        for lane in transposed:
            n_transforms += self.transposer.turn(lane, frame, self._turning[lane])
            self._turning[lane] = False
        return n_transforms + self._hop_in_place([lane for lane in lanes if lane not in transposed], frame)

    def _hop_in_place(self, lanes: Sequence[int], frame: int) -> int:
        if not lanes:
            return 0
        for lane in lanes:
            self._noise_frame[lane] = (self._noise_frame[lane] + 1) % N_NOISE_FRAMES
            self._hop_frame[lane] = frame
            self._turned[lane], self._turning[lane] = self._turning[lane], False
        turned = [row for row, lane in enumerate(lanes) if self._turned[lane]]
        noise_frames = [self._noise_frame[lane] for lane in lanes]
        spectra = [self._spectra[lane, self._newer[lane]] for lane in lanes]
        spectra += [self._spectra[lanes[row], 1 - self._newer[lanes[row]]] for row in turned]
        sound = self._synthesis.hops(spectra, [*noise_frames, *(noise_frames[row] for row in turned)])
        n_fade = len(self._fade)
        for old_row, row in enumerate(turned, start=len(lanes)):
            # Both sounds have the same phases, so that their amplitudes add up: old + fade (new - old).
            new, old = sound[row, :n_fade], sound[old_row, :n_fade]
            new -= old
            new *= self._fade
            new += old
        for row, lane in enumerate(lanes):
            self._write(lane, frame, sound[row, : self._kept])
        return len(spectra)

    def read(self, n_lanes: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of the first lanes from `frame` on, (n_lanes, n_frames), a view; it must not pass the ring's end.

        A transposed lane's row means nothing: `transposer.read` has its sound.
        """
        at = frame % self.size
        return self._rings[:n_lanes, at : at + n_frames]

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, across the ring's end."""
        if self.transposer.active[lane]:
            return self.transposer.read([lane], frame, n_frames)[0]
        return np.take(self._rings[lane, : self.size], np.arange(frame, frame + n_frames), mode="wrap")

    def _dense_hop(self, lane: int, number: int, older: bool, n_bins: int) -> np.ndarray:
        spectrum = self._spectra[lane, self._newer[lane] ^ older]
        return self._synthesis.dense_hop(spectrum, (self._noise_frame[lane] + number) % N_NOISE_FRAMES, n_bins)

    def _write(self, lane: int, frame: int, sound: np.ndarray) -> None:
        at = frame % self.size
        n_first = min(len(sound), self.size - at)
        ring = self._rings[lane]
        ring[at : at + n_first] = sound[:n_first]
        ring[: len(sound) - n_first] = sound[n_first:]
