"""Finds the phases of a stream of magnitude frames by real-time phase gradient heap integration (RTPGHI).

Source: Prusa and Sondergaard, "Real-Time Spectrogram Inversion Using Phase Gradient Heap Integration", DAFx-16.
"""

from __future__ import annotations

import heapq
from collections import deque

import numpy as np

from runtime.acoustics.spectrum import StftSpec

# The Gaussian exp(-pi t^2 / gamma) that is nearest to a Hann window of `size` samples has gamma = HANN_GAMMA size^2.
HANN_GAMMA = 0.25645
# A bin gets a random phase if its magnitude is at most TOLERANCE times the largest magnitude in two frames: the bin's
# own frame and the frame before.
TOLERANCE = 1e-6
# The heap sorts bins of the present frame by their magnitude, and bins of the frame before by m0 + _TRACE * m1. m0 is
# the bin's magnitude in the frame before, and m1 is its magnitude in the present frame. The second term is so small
# that it matters only where the frame before is silent.
_TRACE = 1e-9
_LEAST = float(np.finfo(np.float32).tiny)


class RealTimePhases:
    """Phases of a stream of frames one hop apart, from the frames so far and n_ahead later frames.

    With a Gaussian window, the logarithm s of the magnitude gives both derivatives of the phase p:

    - in time: dp/dt = 2 pi f + (ds/df) / gamma
    - in frequency: dp/df = -gamma ds/dt

    A Hann window is nearly Gaussian. So a bin's phase is integrated in time, from the same bin in the frame before, or
    in frequency, from a neighbouring bin in its own frame. Loud bins have the smallest errors, so the integration
    always continues from the loudest bin not yet used. A heap finds that bin.

    Phases are measured at the middle of the window; `turned_to_start` converts them to the start. All frames
    before the first one are assumed to be equal to the first one.

    n_ahead: 0, or 1 to look one frame ahead.
    seed: of the random phases.

    n_steps: how many bins have been taken from the heap so far.
    """

    def __init__(self, spec: StftSpec, n_ahead: int = 0, seed: int = 0):
        gamma, hop, size = HANN_GAMMA * spec.frame_size**2, spec.hop_size, spec.frame_size
        self._n_ahead = n_ahead
        self._time_scale = hop * size / gamma
        self._bin_scale = -gamma / (hop * size)
        self._centres = 2.0 * np.pi * hop / size * np.arange(spec.n_bins)
        self._random = np.random.default_rng(seed)
        # `add` finds the phases of the third of these frames; if n_ahead is 1, of the second.
        self._frames: deque[np.ndarray] = deque(maxlen=3)
        self._phases = self._random.uniform(0.0, 2.0 * np.pi, spec.n_bins)
        self._advances: np.ndarray | None = None
        self.n_steps = 0

    def add(self, magnitudes: np.ndarray) -> np.ndarray | None:
        """Add a frame; returns the phases of the frame that was added n_ahead frames before it.

        magnitudes: of the added frame, (n_bins,).
        Returns phases in radians, (n_bins,), or None if there is no such frame.
        """
        frame = np.array(magnitudes, np.float64)
        if not self._frames:
            self._frames.extend([frame] * (3 - self._n_ahead))
            if self._n_ahead:
                return None
        else:
            self._frames.append(frame)
        former, present = (list(self._frames)[at - self._n_ahead] for at in (-2, -1))
        least = max(TOLERANCE * max(float(former.max()), float(present.max())), _LEAST)
        advances, bin_steps = self._steps(least)
        if self._advances is None:
            self._advances = advances
        time_steps = self._centres + 0.5 * (self._advances + advances)
        self._phases = self._integrate(former, present, present > least, time_steps, bin_steps)
        self._advances = advances
        return self._phases.copy()

    def _steps(self, least: float) -> tuple[np.ndarray, np.ndarray]:
        """Phase steps of the present frame, from hop to hop and from bin to bin: (n_bins,) and (n_bins - 1,).

        A step from hop to hop does not contain the phase step that the bin's centre frequency makes in one hop.
        Magnitudes below `least` count as `least`.
        """
        first, second, third = (np.log(np.maximum(frame, least)) for frame in self._frames)
        present = second if self._n_ahead else third
        slopes = 0.5 * (third - first) if self._n_ahead else 0.5 * (3.0 * third - 4.0 * second + first)
        bin_steps = self._bin_scale * slopes
        return self._time_scale * np.gradient(present), 0.5 * (bin_steps[1:] + bin_steps[:-1])

    def _integrate(
        self,
        former: np.ndarray,
        present: np.ndarray,
        are_wanted: np.ndarray,
        time_steps: np.ndarray,
        bin_steps: np.ndarray,
    ) -> np.ndarray:
        """Phases of the present frame, (n_bins,): integrated where are_wanted is true, random in all other bins.

        The heap stores bins whose phase is known: a bin of the frame before by its number, a bin of the present frame
        by its number plus n_bins.
        """
        n_bins = len(present)
        phases = self._random.uniform(0.0, 2.0 * np.pi, n_bins).tolist()
        carried = (self._phases + time_steps).tolist()
        louds, steps, left = (-present).tolist(), bin_steps.tolist(), are_wanted.tolist()
        wanted = np.flatnonzero(are_wanted)
        heap = list(zip((-former - _TRACE * present)[wanted].tolist(), wanted.tolist(), strict=True))
        heapq.heapify(heap)
        n_left = len(heap)
        while n_left:
            number = heapq.heappop(heap)[1]
            self.n_steps += 1
            at = number - n_bins
            if at < 0:
                found = ((number, carried[number]),) if left[number] else ()
            else:
                above, below = at + 1, at - 1
                found = []
                if above < n_bins and left[above]:
                    found.append((above, phases[at] + steps[at]))
                if below >= 0 and left[below]:
                    found.append((below, phases[at] - steps[below]))
            for new, phase in found:
                phases[new], left[new] = phase, False
                n_left -= 1
                heapq.heappush(heap, (louds[new], new + n_bins))
        return np.mod(phases, 2.0 * np.pi)


def phase_frames(magnitudes: np.ndarray, spec: StftSpec, n_ahead: int = 0, seed: int = 0) -> np.ndarray:
    """Phases in radians, (n, n_bins), of a whole sequence of magnitudes (n, n_bins).

    With n_ahead 1, the last frame is added a second time, because its phases need a later frame.
    """
    stream = RealTimePhases(spec, n_ahead, seed)
    found = [stream.add(frame) for frame in [*magnitudes, *magnitudes[len(magnitudes) - n_ahead :]]]
    return np.array(found[n_ahead:])


def turned_to_start(phases: np.ndarray) -> np.ndarray:
    """Convert phases at the window's middle to unit phasors at the window's start.

    phases: in radians, (n, n_bins).
    Returns complex64 (n, n_bins).
    """
    return (np.exp(1j * phases) * (-1.0) ** np.arange(phases.shape[1])).astype(np.complex64)
