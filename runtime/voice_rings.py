"""Every lane's sound, made hops ahead of its being heard."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np

from runtime.coherent import CoherentPhases
from runtime.synthesis import (
    LANES_PER_ROW,
    MAX_ROWS,
    N_NOISE_FRAMES,
    HopSynthesis,
    new_pairs,
    new_taps,
    read_by_taps,
    seen_by_bins,
    write_pairs,
)
from runtime.transposition import OVERSAMPLING, Transposer

# A new spectrum is heard by this crossfade, and not only when the window has passed.
CROSSFADE_S = 0.008
# Rows of lanes are so far apart in the stored noise that none follows another within a second.
_FRAMES_BETWEEN_ROWS = 64
# A timbre at rest is made so many hops ahead: nothing but a turned knob can change it, and then it is made again.
# More would cost less, but all in one block.
N_HOPS_AHEAD = 2


class VoiceRings:
    """One ring of samples per lane; a frame's place is its absolute number modulo `size`.

    hop_offsets: frame at which each lane's hops fall, modulo the hop. Each lane has its own place in the stored noise
    and goes on in it with every hop, so that what it sounds is a function of frame and spectrum. A lane at another
    pitch than its model's note is the transposer's from then on, until it opens again.
    """

    def __init__(
        self, hop_offsets: Sequence[int], synthesis: HopSynthesis, phases: CoherentPhases, sample_rate_hz: int
    ):
        n_lanes = len(hop_offsets)
        self._synthesis, self._hop_offsets = synthesis, hop_offsets
        self._hop_size = synthesis.hop_size
        self.n_fade = min(self._hop_size, round(CROSSFADE_S * sample_rate_hz))
        self._kept = self._hop_size + self.n_fade
        self.size = 1 << (N_HOPS_AHEAD * self._hop_size + self.n_fade).bit_length()
        # One column more than the ring: the engine mixes no span narrower than two frames.
        self._rings = np.zeros((n_lanes, self.size + 1), np.float32)
        self._pairs = new_pairs(n_lanes, synthesis.n_bins)
        self._read_pairs = read_by_taps(self._pairs)
        self._gains = np.zeros((n_lanes, 1), np.float32)
        self._dense_noise_frame = [0] * n_lanes  # of the transposer's hop 0
        self._phases = phases
        self._has_phases = [False] * n_lanes
        self._phase_number = [0] * n_lanes  # a transposed lane's hop that its coherent phases stand at
        self._blend = [0.0] * n_lanes
        self._coherent_taps = new_taps(n_lanes, synthesis.n_bins)
        self._coherent_taps.fill(0)  # its memory is there before a first blend is played
        self._seen_taps = seen_by_bins(self._coherent_taps)
        self._planned = np.zeros((MAX_ROWS, synthesis.n_bins), np.float32)
        self._turning = [False] * n_lanes  # the next hop fades to a new spectrum
        self._turned_at = [-self.n_fade] * n_lanes
        fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(self.n_fade) / self.n_fade)).astype(np.float32)
        self._fade_in, self._fade_out = fade, 1.0 - fade
        own = weakref.proxy(self)  # no cycle of references: what is swapped out is freed without a collector
        self.transposer = Transposer(
            n_lanes,
            synthesis.n_bins,
            synthesis.n_dense_octaves,
            OVERSAMPLING * self._hop_size,
            OVERSAMPLING * self.n_fade,
            N_HOPS_AHEAD * self._hop_size + 1,
            lambda *hop: own._dense_hop(*hop),
            lambda *turn: own._turn_phases(*turn),
        )

    def frames_to_hop(self, lane: int, frame: int) -> int:
        """Frames until a lane's next hop after `frame`, 1 to hop_size."""
        return (self._hop_offsets[lane] - frame - 1) % self._hop_size + 1

    def set_spectra(self, lanes: Sequence[int], magnitudes: np.ndarray, semitones: Sequence[float]) -> None:
        """Give lanes, ascending, new frames (n, n_magnitudes), which are levelled; the next hop fades over to them.

        semitones: how far each sounds from its model's note.
        """
        n = len(lanes)
        if n <= MAX_ROWS and lanes[-1] - lanes[0] == n - 1:
            run = slice(lanes[0], lanes[-1] + 1)
            self._synthesis.level(magnitudes, semitones, self._gains[run, 0])
            write_pairs(magnitudes, self._pairs[run])
            self._turning[run] = [True] * n
        else:
            for number, lane in enumerate(lanes):
                row = slice(number, number + 1)
                self.set_spectra([lane], magnitudes[row], semitones[row])

    def open(self, lanes: slice, frame: int, blend: float) -> None:
        """Begin the sound of a run of lanes that hop together at `frame`, up to their hop, as if it always had sounded.

        blend: from the phases of noise, 0, to coherent ones, 1.
        """
        elapsed = self._hop_size - self.frames_to_hop(lanes.start, frame)
        for lane in range(lanes.start, lanes.stop):
            self.transposer.leave(lane)
            self._turning[lane] = self._has_phases[lane] = False
            self._turned_at[lane], self._blend[lane] = frame - self.n_fade, blend
        self._find_phases(lanes, frame)
        sound = self._sound(lanes, self._noise_frame(lanes.start, frame), blend)
        self._write(lanes, frame, sound[:, elapsed : self._kept])

    def set_ratio(self, lane: int, frame: int, ratio: float) -> None:
        """Sound `ratio` times as high from `frame` on."""
        if self.transposer.active[lane]:
            self.transposer.set_ratio(lane, frame, ratio)
        elif ratio != 1.0:
            self._dense_noise_frame[lane], self._phase_number[lane] = self._noise_frame(lane, frame), 0
            fading = self.copy(lane, frame, max(0, self._turned_at[lane] + self.n_fade - frame))
            elapsed = self._hop_size - self.frames_to_hop(lane, frame)
            self.transposer.begin(lane, frame, elapsed % self._hop_size, ratio, fading)

    def before_turn(self, lanes: Sequence[int], frame: int) -> None:
        """Make what a fade will need of the old spectra of lanes that are about to get new ones at their hop."""
        for lane in lanes:
            if self.transposer.active[lane]:
                self.transposer.make_fade(lane, frame)

    def set_blend(self, lanes: slice, blend: float) -> None:
        """What the next hop of these lanes blends of noise and coherent phases; a new blend is faded to."""
        for lane in range(lanes.start, lanes.stop):
            if self._blend[lane] != blend:
                self._blend[lane], self._turning[lane] = blend, True

    def n_hops_ahead(self, lanes: slice) -> int:
        """How many hops may be made now: none ahead where a spectrum turns, or where phases go on from hop to hop."""
        return 1 if any(self._turning[lanes]) or any(self._blend[lanes]) else N_HOPS_AHEAD

    def hop(self, lanes: slice, frame: int, n_hops: int) -> int:
        """Make the sound of a run of lanes from their hop at `frame` on; returns how many transforms that took."""
        blend, turning = self._blend[lanes.start], self._turning[lanes]
        self._find_phases(lanes, frame)
        for lane in self._transposed(lanes):
            self.transposer.turn(lane, frame, self._turning[lane])
        if any(turning):
            for lane in range(lanes.start, lanes.stop):
                if self._turning[lane]:
                    self._turning[lane], self._turned_at[lane] = False, frame
        plain = self._plain(lanes)
        for first in range(plain.start, plain.stop, MAX_ROWS):
            run = slice(first, min(first + MAX_ROWS, plain.stop))
            turns = turning[run.start - lanes.start : run.stop - lanes.start]
            noise_frame = self._noise_frame(first, frame)
            for number in range(n_hops):
                # What lies beyond a hop is for a fade, and only the last hop's can be met by one.
                n_frames = self._kept if number == n_hops - 1 else self._hop_size
                sound = self._sound(run, noise_frame + number, blend)[:, :n_frames]
                self._write_hop(run, frame + number * self._hop_size, sound, turns if number == 0 else ())
        return n_hops * (plain.stop - plain.start)

    def _transposed(self, lanes: slice) -> list[int]:
        if not self.transposer.n_active:
            return []
        return [lane for lane in range(lanes.start, lanes.stop) if self.transposer.active[lane]]

    def _plain(self, lanes: slice) -> slice:
        """The lanes from the first to the last that are not transposed: those between are cheaper to take along."""
        if not self.transposer.n_active:
            return lanes
        plain = [lane for lane in range(lanes.start, lanes.stop) if not self.transposer.active[lane]]
        return slice(plain[0], plain[-1] + 1) if plain else slice(lanes.start, lanes.start)

    def _find_phases(self, lanes: slice, frame: int) -> None:
        """Bring coherent phases, where they are heard, to this hop and to its spectrum."""
        if not (any(self._blend[lanes]) or any(self._has_phases[lanes])):
            return
        going_on, planned = [], []
        for lane in range(lanes.start, lanes.stop):
            if not self._blend[lane]:
                self._has_phases[lane] = False
            elif not self._has_phases[lane]:
                self._phases.start(lane, frame)
                self._has_phases[lane] = True
                planned.append(lane)
            elif not self.transposer.active[lane]:
                going_on.append(lane)
                if self._turning[lane]:
                    planned.append(lane)
        for run in runs_of(going_on):
            self._phases.advance(run)
        for run in runs_of(planned):
            self._plan(run)

    def _plan(self, lanes: slice) -> None:
        magnitudes = self._planned[: lanes.stop - lanes.start]
        np.copyto(magnitudes, self._pairs[lanes, 1:-1, 0])
        self._phases.plan(lanes, magnitudes)

    def _sound(self, lanes: slice, noise_frame: int, blend: float) -> np.ndarray:
        """Sound of at most MAX_ROWS lanes from a hop on, not yet at its level; a view, valid until the next call."""
        coherent = None
        if blend:
            coherent = self._seen_taps[lanes]
            self._phases.taps(lanes, self._coherent_taps[lanes, :, 1:-1])
        return self._synthesis.hops(self._read_pairs[lanes], noise_frame, lanes.start, blend, coherent)

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
        return (hop + lane // LANES_PER_ROW * _FRAMES_BETWEEN_ROWS) % N_NOISE_FRAMES

    def _write_hop(self, lanes: slice, frame: int, sound: np.ndarray, turning: Sequence[bool]) -> None:
        """Write lanes' sound (n, n_frames) into their rings; where spectra turn it fades in over the old one."""
        if not any(turning):
            self._write(lanes, frame, sound)
        elif all(turning):
            self._fade_over(lanes, frame, sound)
        else:
            for row, turns in enumerate(turning):
                lane = slice(lanes.start + row, lanes.start + row + 1)
                (self._fade_over if turns else self._write)(lane, frame, sound[row : row + 1])

    def _fade_over(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        """Begin with what the rings still hold of the old sound, and fade to the new one.

        The two have their phases in common, so that their amplitudes add up.
        """
        new = sound[:, : self.n_fade]
        new *= self._gains[lanes]
        new *= self._fade_in
        for places, part in self._places(frame, self.n_fade):
            ring = self._rings[lanes, places]
            ring *= self._fade_out[part]
            ring += new[:, part]
        self._write(lanes, frame + self.n_fade, sound[:, self.n_fade :])

    def _write(self, lanes: slice, frame: int, sound: np.ndarray) -> None:
        for places, part in self._places(frame, sound.shape[1]):
            np.multiply(sound[:, part], self._gains[lanes], out=self._rings[lanes, places])

    def _places(self, frame: int, n_frames: int) -> list[tuple[slice, slice]]:
        """Where n_frames from `frame` on lie in a ring, and which part of them that is: two where the ring ends."""
        at = frame % self.size
        n_first = min(n_frames, self.size - at)
        first = slice(at, at + n_first), slice(0, n_first)
        return [first, (slice(0, n_frames - n_first), slice(n_first, n_frames))] if n_first < n_frames else [first]

    def _dense_hop(self, lane: int, number: int, n_bins: int, octave: int) -> np.ndarray:
        coherent, blend, run = None, self._blend[lane], slice(lane, lane + 1)
        if blend and self._has_phases[lane]:
            coherent = self._seen_taps[run]
            self._go_to(lane, number)
            self._phases.taps(run, self._coherent_taps[run, :, 1:-1])
        noise_frame = self._dense_noise_frame[lane] + number
        sound = self._synthesis.dense_hop(self._read_pairs[run], noise_frame, lane, n_bins, octave, blend, coherent)
        sound *= self._gains[lane]
        return sound

    def _turn_phases(self, lane: int, number: int) -> None:
        """A transposed lane gets a new spectrum at its hop `number`."""
        if self._has_phases[lane]:
            self._go_to(lane, number)
            self._plan(slice(lane, lane + 1))

    def _go_to(self, lane: int, number: int) -> None:
        self._phases.advance(slice(lane, lane + 1), number - self._phase_number[lane])
        self._phase_number[lane] = number


def runs_of(lanes: Sequence[int]) -> list[slice]:
    """Lanes, ascending, as runs of neighbours."""
    runs: list[slice] = []
    for lane in lanes:
        if runs and runs[-1].stop == lane:
            runs[-1] = slice(runs[-1].start, lane + 1)
        else:
            runs.append(slice(lane, lane + 1))
    return runs
