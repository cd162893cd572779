"""Plays a sequence of frames, with phases from the engine, Griffin-Lim or RTPGHI."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.spectrum import StftSpec, periodic_hann
from runtime.engine.synthesis.lane_sound import CROSSFADE_S
from runtime.engine.synthesis.phases.noise import N_NOISE_SPECTRA
from runtime.engine.synthesis.phases.taps import N_OVERLAPS, neighbour_pairs, write_pairs
from runtime.engine.synthesis.rings import fade_in
from training.studies.phase_error import LANE, SteadyVoice, griffin_lim, overlap_added
from training.studies.rtpghi import phase_frames, turned_to_start

METHODS = ("noise", "coherent", "griffin_lim", "rtpghi", "rtpghi_ahead")  # rtpghi_ahead also uses the next frame


class MovingVoice(SteadyVoice):
    """A voice that plays a new frame at each hop, with the phases of one of METHODS."""

    def __init__(self, spec: StftSpec, seed: int = 0):
        super().__init__(spec, seed)
        self._seed = seed
        self._fade_in = fade_in(round(CROSSFADE_S * spec.sample_rate_hz))

    def follow(self, method: str, frames: np.ndarray) -> np.ndarray:
        """The sound of a sequence of frames: float32 (n * hop_size,).

        frames: (n, n_bins). The window of frame k begins at sample k * hop_size. The first three frames and the last
            three should be silent: with Griffin-Lim or RTPGHI, sound past the end is added at the beginning; with the
            engine's phases, it is left out.
        """
        if method == "griffin_lim":
            return griffin_lim(frames, len(frames), self.spec)
        if method.startswith("rtpghi"):
            phases = phase_frames(frames, self.spec, int(method == "rtpghi_ahead"), self._seed)
            return overlap_added(turned_to_start(phases) * frames, periodic_hann(self.spec.frame_size), self.spec)
        sound = self._played(frames, float(method == "coherent"))
        # A spectrum sounds alone from the end of its crossfade to the next hop. The whole sound is delayed by `lag`, so
        # that this time lies in the middle of the spectrum's window.
        lag = (self.spec.frame_size - self.hop_size - len(self._fade_in)) // 2
        return np.concatenate([np.zeros(lag, np.float32), sound])[: len(sound)]

    def _played(self, frames: np.ndarray, blend: float) -> np.ndarray:
        """The engine's hops, one for each frame, crossfaded as in the engine: (n * hop_size,)."""
        self._n_notes += 1
        self._phases.start(0, self._n_notes)
        n_fade, hops, old = len(self._fade_in), [], np.zeros(len(self._fade_in), np.float32)
        for frame in np.asarray(frames, np.float32):
            self._n_hops += 1
            write_pairs(frame[None], self._pairs)
            coherent = None
            if blend:
                self._phases.plan(LANE, self._n_hops, self._own_magnitudes(frame))
                coherent = self._phases.spectra(LANE, self._n_hops)
            pairs = neighbour_pairs(self._pairs)
            sound = self._synthesis.hops(pairs, self._n_hops % N_NOISE_SPECTRA, 0, blend, coherent)[0].copy()
            sound[:n_fade] = self._fade_in * sound[:n_fade] + (1.0 - self._fade_in) * old
            hops.append(sound[: self.hop_size])
            old = sound[self.hop_size : self.hop_size + n_fade]
        return np.concatenate(hops)

    def rest(self, method: str, magnitudes: np.ndarray, n_hops: int) -> np.ndarray:
        """The sound of a single, unchanging frame: float32 (n_hops * hop_size,).

        magnitudes: the frame, (n_bins,).
        """
        if not method.startswith("rtpghi"):
            return self.sound(method, magnitudes, n_hops)
        n_cut = N_OVERLAPS - 1  # `follow` adds the sequence's end to this many hops at the start, so they are cut off
        sound = self.follow(method, np.tile(magnitudes, (n_hops + n_cut, 1)))
        return sound[n_cut * self.hop_size :]
