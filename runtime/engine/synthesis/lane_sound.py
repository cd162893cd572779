"""Every lane's sound, made hops ahead of its being heard."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence

import numpy as np

from runtime.engine.synthesis.coherent import CoherentPhases
from runtime.engine.synthesis.hops import LANES_PER_ROW, MAX_ROWS, N_NOISE_FRAMES, DenseHop, HopSynthesis
from runtime.engine.synthesis.lane_phases import LanePhases
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.rings import Rings
from runtime.engine.synthesis.submix import Submix, Submixes
from runtime.engine.synthesis.taps import new_pairs, read_by_taps
from runtime.engine.synthesis.transposition import OVERSAMPLING, Beginning, Transposer

# A new spectrum is heard by this crossfade, and not only when the window has passed.
CROSSFADE_S = 0.008
# Rows of lanes are so far apart in the stored noise that none follows another within a second.
_FRAMES_BETWEEN_ROWS = 64
# A timbre at rest is made so many hops ahead: nothing but a turned knob can change it, and then it is made again.
# More would cost less, but all in one block.
N_HOPS_AHEAD = 2


class VoiceRings:
    """The lanes' spectra, and their sound in rings.

    hop_offsets: frame at which each lane's hops fall, modulo the hop. Each lane has its own place in the stored noise
    and goes on in it with every hop, so that what it sounds is a function of frame and spectrum. A lane at another
    pitch than its model's note is the transposer's from then on, until it opens again. Lanes that hop together and
    whose gains rest may be mixed as spectra: then one of them sounds for all, and the others are silent.
    """

    def __init__(
        self, hop_offsets: Sequence[int], synthesis: HopSynthesis, phases: CoherentPhases, sample_rate_hz: int
    ):
        n_lanes = len(hop_offsets)
        self._synthesis, self._hop_offsets = synthesis, hop_offsets
        self._hop_size = synthesis.hop_size
        n_fade = min(self._hop_size, round(CROSSFADE_S * sample_rate_hz))
        self._kept = self._hop_size + n_fade
        self._rings = Rings(n_lanes, N_HOPS_AHEAD * self._hop_size, n_fade)
        self.size = self._rings.size
        self._submixes = Submixes(n_lanes)
        self.n_transforms = 0
        self._pairs = new_pairs(n_lanes, synthesis.n_bins)
        self._read_pairs = read_by_taps(self._pairs)
        # A frame is kept at its level times the share that its lane had in a submix: so a submix need not weight it.
        self._shares, self._kept_shares = np.ones((2, n_lanes, 1), np.float32)
        self._factors = np.zeros((MAX_ROWS, 1), np.float32)
        self._dense_noise_frame = [0] * n_lanes  # of the transposer's hop 0
        self._phases = LanePhases(self._pairs[:, 1:-1, 0], phases)
        self._turning = [False] * n_lanes  # the next hop fades to a new spectrum
        self._turned_at = [-n_fade] * n_lanes
        own = weakref.proxy(self)  # no cycle of references: what is swapped out is freed without a collector
        self.transposer = Transposer(
            hop_offsets,
            synthesis.n_bins,
            synthesis.fft_size // 2 + 1,
            synthesis.n_dense_octaves,
            OVERSAMPLING * self._hop_size,
            OVERSAMPLING * n_fade,
            N_HOPS_AHEAD * self._hop_size + 1,
            lambda hops, octave: own._dense_hops(hops, octave),
            lambda lanes, numbers: own._phases.turn(lanes, numbers),
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
            self._kept_shares[run] = self._shares[run]
            self._synthesis.write_levelled(magnitudes, semitones, self._kept_shares[run], self._pairs[run])
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
            self._phases.open(lane, blend)
            self._turning[lane], self._turned_at[lane] = False, frame - self._rings.n_fade
        self._submixes.put(range(lanes.start, lanes.stop), None)
        self._phases.find(lanes, frame, self._turning, self.transposer.active)
        sound = self._sound(lanes, frame)
        self._rings.write(lanes, frame, sound[:, elapsed:])

    def set_ratios(self, lanes: Iterable[int], frame: int, ratios: Iterable[float]) -> None:
        """Sound `ratios` times as high from `frame` on."""
        beginnings = []
        for lane, ratio in zip(lanes, ratios, strict=True):
            if self.transposer.active[lane]:
                self.transposer.set_ratio(lane, frame, ratio)
            elif ratio != 1.0:
                self._dense_noise_frame[lane] = self._noise_frame(lane, frame)
                self._phases.count_from(lane)
                fading = self.copy(lane, frame, max(0, self._turned_at[lane] + self._rings.n_fade - frame))
                elapsed = self._hop_size - self.frames_to_hop(lane, frame)
                beginnings.append(Beginning(lane, elapsed % self._hop_size, ratio, fading))
        if beginnings:
            self.transposer.begin(beginnings, frame)

    def before_turn(self, lanes: Sequence[int], frame: int) -> None:
        """Make what a fade will need of the old spectra of lanes that are about to get new ones at their hop."""
        self.transposer.make_fades([lane for lane in lanes if self.transposer.active[lane]], frame)

    def set_blend(self, lanes: slice, blend: float) -> None:
        """What the next hop of these lanes blends of noise and coherent phases; a new blend is faded to."""
        blends = self._phases.blend
        if blends[lanes].count(blend) < lanes.stop - lanes.start:
            for lane in range(lanes.start, lanes.stop):
                if blends[lane] != blend:
                    blends[lane], self._turning[lane] = blend, True

    def n_hops_ahead(self, lanes: slice) -> int:
        """How many hops may be made now: none ahead where a spectrum turns, or where phases go on from hop to hop."""
        return 1 if any(self._turning[lanes]) or any(self._phases.blend[lanes]) else N_HOPS_AHEAD

    def hop(self, lanes: Sequence[int], frame: int, n_hops: int, gains: np.ndarray) -> None:
        """Make the sound of lanes, ascending, at most MAX_ROWS apart, that hop together, from their hop at `frame` on.

        gains: float32, for every lane from the first of these to the last, what it is mixed with until something is
        told of it; 0 where that is not known. Overwritten.
        """
        run = slice(lanes[0], lanes[-1] + 1)
        self._phases.find(run, frame, self._turning, self.transposer.active)
        transposed = [lane for lane in lanes if self.transposer.active[lane]] if self.transposer.n_active else []
        if transposed:
            self.transposer.turn(transposed, frame, [self._turning[lane] for lane in transposed])
            for lane in transposed:
                gains[lane - run.start] = 0.0
        turning = self._turning[run]
        if all(turning):
            self._turning[run], self._turned_at[run] = [False] * len(turning), [frame] * len(turning)
        elif any(turning):
            for lane in range(run.start, run.stop):
                if self._turning[lane]:
                    self._turning[lane], self._turned_at[lane] = False, frame
        plain = self._plain(run)
        if plain.start == plain.stop:
            return
        turning, gains = (values[plain.start - run.start : plain.stop - run.start] for values in (turning, gains))
        submix = self._mix(plain, frame, turning, gains)
        # Silent lanes between others are cheaper to take along than to leave out.
        alone = [plain]
        if submix is not None:
            all_mixed = len(submix.members) == len(lanes)
            alone = [] if all_mixed else runs_of([lane for lane in lanes if self._is_alone(lane)])
        for number in range(n_hops):
            at, turns = frame + number * self._hop_size, turning if number == 0 else [False] * len(turning)
            # What lies beyond a hop is for a fade, and only the last hop's can be met by one.
            n_frames = self._kept if number == n_hops - 1 else self._hop_size
            if submix is not None:
                self._write_mixed(submix, at, n_frames, turns[submix.carrier - plain.start])
            for each in alone:
                sound = self._sound(each, at)[:, :n_frames]
                self._write_hop(each, at, sound, turns[each.start - plain.start : each.stop - plain.start])

    # Submixes

    def _mix(self, lanes: slice, frame: int, turning: Sequence[bool], gains: np.ndarray) -> Submix | None:
        """The submix of those of the lanes that have gains, from their hop at `frame` on; None if they are not mixed.

        A new one begins with what the rings hold. What a former one sounded stays its carrier's, which fades it out.
        """
        all_lanes = range(lanes.start, lanes.stop)
        turns = turning if gains.all() else [turns for turns, gain in zip(turning, gains, strict=True) if gain]
        if len(turns) < 2 or turns.count(turns[0]) < len(turns) or any(self._phases.blend[lanes]):
            self._submixes.put(all_lanes, None)
            return None
        former = self._submixes.first_of(all_lanes)
        if former is not None and former.is_whole and former.is_of(lanes, gains):
            return former
        submix = Submix(lanes, gains)
        self._rings.gather(lanes, submix.carrier, frame, submix.share(lanes))
        for lane in submix.members:
            if lane != submix.carrier:
                self._rings.silence(lane)
        self._submixes.put(all_lanes, None)
        self._submixes.put(submix.members, submix)
        np.copyto(self._shares[lanes], submix.shares, where=submix.shares > 0.0)
        return submix

    def _is_alone(self, lane: int) -> bool:
        return self._submixes.of(lane) is None and not self.transposer.active[lane]

    def _write_mixed(self, submix: Submix, frame: int, n_frames: int, turns: bool) -> None:
        lanes, first = submix.lanes, submix.lanes.start
        factors, kept = self._factors[: len(submix.shares)], self._kept_shares[lanes]
        same = submix.shares.tobytes() == kept.tobytes()
        factors = None if same else np.divide(submix.shares, kept, out=factors)
        sound = self._synthesis.mixed_hop(self._read_pairs[lanes], self._noise_frame(first, frame), first, factors)
        self.n_transforms += 1
        write = self._rings.fade_over if turns else self._rings.write
        write(slice(submix.carrier, submix.carrier + 1), frame, sound[:, :n_frames])

    def mixed(self, lanes: Iterable[int]) -> list[int]:
        """Those of the lanes that are part of a submix."""
        return self._submixes.members_among(lanes)

    def unmix(self, lanes: Sequence[int], frame: int) -> None:
        """Give lanes that are part of submixes sounds of their own from `frame` on, up to their hop.

        Within a fade a submix's carrier keeps what is left of their old sound. A carrier leaves nobody behind.
        """
        for lane in lanes:
            submix = self._submixes.of(lane)
            if submix is not None:
                members = self._submixes.members_among(submix.members)
                leaving = members if submix.carrier in lanes else [member for member in members if member in lanes]
                for run in runs_of([member for member in leaving if member != submix.carrier]):
                    self._take_out(run, submix, frame)
                self._submixes.put(leaving, None)

    def _take_out(self, lanes: slice, submix: Submix, frame: int) -> None:
        elapsed = self._hop_size - self.frames_to_hop(lanes.start, frame)
        sound = self._sound(lanes, frame)[:, elapsed:]
        n_faded = max(0, self._turned_at[lanes.start] + self._rings.n_fade - frame)
        if n_faded:
            sound[:, :n_faded] *= self._rings.fade_in[-n_faded:]
        self._rings.write(lanes, frame, sound)
        self._rings.take_out(lanes, submix.carrier, frame, sound.shape[1], submix.share(lanes))

    def _plain(self, lanes: slice) -> slice:
        """The lanes from the first to the last that are not transposed: those between are cheaper to take along."""
        if not self.transposer.n_active:
            return lanes
        plain = [lane for lane in range(lanes.start, lanes.stop) if not self.transposer.active[lane]]
        return slice(plain[0], plain[-1] + 1) if plain else slice(lanes.start, lanes.start)

    def _sound(self, lanes: slice, frame: int) -> np.ndarray:
        """Sound of at most MAX_ROWS lanes, from the hop on that sounds at `frame`, to the end of the next one's fade.

        A view, valid until the next call.
        """
        noise_frame, blend = self._noise_frame(lanes.start, frame), self._phases.blend[lanes.start]
        taps = self._phases.taps(lanes)
        sound = self._synthesis.hops(self._read_pairs[lanes], noise_frame, lanes.start, blend, taps)
        sound = sound[:, : self._kept]
        sound /= self._kept_shares[lanes]
        self.n_transforms += lanes.stop - lanes.start
        return sound

    def heard_lanes(self, n_lanes: int, n_voices: int) -> slice:
        """The first lanes, of which n_voices sound; where all are one submix, the one that holds it."""
        submix = self._submixes.first_of(range(n_lanes))
        if submix is None or len(submix.members) != n_voices or not submix.is_whole:
            return slice(0, n_lanes)
        return slice(submix.carrier, submix.carrier + 1)

    def read(self, lanes: slice, frame: int, n_frames: int) -> np.ndarray:
        """Sound of lanes from `frame` on, (n_lanes, n_frames), a view; it must not pass the ring's end.

        A transposed lane's row means nothing: `transposer.read` has its sound.
        """
        return self._rings.read(lanes, frame, n_frames)

    def copy(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, across the ring's end, at most a crossfade beyond what is made."""
        if self.transposer.active[lane]:
            return self.transposer.read([lane], frame, n_frames)[0]
        self.unmix([lane], frame)
        return self._rings.copy(lane, frame, n_frames)

    def _noise_frame(self, lane: int, frame: int) -> int:
        """Which stored noise frame is the newest in a lane's hop that sounds at `frame`."""
        hop = (frame - self._hop_offsets[lane]) // self._hop_size
        return (hop + lane // LANES_PER_ROW * _FRAMES_BETWEEN_ROWS) % N_NOISE_FRAMES

    def _write_hop(self, lanes: slice, frame: int, sound: np.ndarray, turning: Sequence[bool]) -> None:
        """Write lanes' sound (n, n_frames) into their rings; where spectra turn it fades in over the old one."""
        if not any(turning):
            self._rings.write(lanes, frame, sound)
        elif all(turning):
            self._rings.fade_over(lanes, frame, sound)
        else:
            for row, turns in enumerate(turning):
                lane = slice(lanes.start + row, lanes.start + row + 1)
                write = self._rings.fade_over if turns else self._rings.write
                write(lane, frame, sound[row : row + 1])

    def _dense_hops(self, hops: Sequence[tuple[int, int, int]], octave: int) -> np.ndarray:
        sound = self._synthesis.dense_hops((self._dense_hop(*hop) for hop in hops), octave)
        sound /= self._kept_shares[[lane for lane, _, _ in hops]]
        return sound

    def _dense_hop(self, lane: int, number: int, n_bins: int) -> DenseHop:
        return DenseHop(
            self._read_pairs[lane : lane + 1],
            self._dense_noise_frame[lane] + number,
            lane,
            n_bins,
            self._phases.blend[lane],
            self._phases.taps_at(lane, number),
        )
