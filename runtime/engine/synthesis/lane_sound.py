"""Renders each lane's sound up to two hops before it is played."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.engine.synthesis.hops import MAX_ROWS, HopSynthesis
from runtime.engine.synthesis.lane_hops import DenseHops, LaneHops, PointHops
from runtime.engine.synthesis.lane_phases import LanePhases
from runtime.engine.synthesis.lane_spectra import LaneSpectra, SpectrumChanges
from runtime.engine.synthesis.phases.coherent import CoherentPhases
from runtime.engine.synthesis.phases.noise_weights import noise_amplitude
from runtime.engine.synthesis.phases.peaks import beside_multiples
from runtime.engine.synthesis.rings import Rings
from runtime.engine.synthesis.shaping.bandwidth import Widening
from runtime.engine.synthesis.submix import Membership, PlainHops, Submixes
from runtime.engine.synthesis.transposing.head import Ratio
from runtime.engine.synthesis.transposition import Beginning, Transposer

# Length of the crossfade from an old spectrum to a new one; it is cut to the hop size if that is shorter.
# Without a crossfade, overlap-add would take a whole window, 93 ms, to change from one spectrum to the other.
CROSSFADE_S = 0.008
# How many hops one block makes while no spectrum changes. If a knob turns, the unplayed hops are made again. More hops
# would be cheaper on average, but one block would have to make them all.
N_HOPS_AHEAD = 2
_NO_SOUND = np.zeros(0, np.float32)


class LaneSound:
    """The sound of all lanes, made ahead of time into rings.

    A transposed lane's ring is read faster or slower than it was made, and the lane stays transposed until its sound
    ends. Steady lanes may share a ring: plain lanes in a submix, transposed lanes in a bus. With noise phases, a plain
    lane's sound depends only on the lane, the frame and the spectrum.

    hop_offsets: for each lane, the frame of its hops modulo `hop_size`.
    seed: seed of all phases.

    Attributes:
    size: length of a ring in frames.
    fade_frames: length of a crossfade, and how far a plain lane's sound is made past its next hop.
    """

    def __init__(self, spec: StftSpec, sample_rate_hz: int, hop_offsets: Sequence[int], seed: int):
        n_lanes, self._bin_hz = len(hop_offsets), spec.bin_hz
        synthesis = HopSynthesis(spec, sample_rate_hz, seed)
        n_bins, fft_size, self.hop_size = synthesis.n_bins, synthesis.fft_size, synthesis.hop_size
        self.fade_frames = n_fade = min(self.hop_size, round(CROSSFADE_S * sample_rate_hz))
        self._n_kept = self.hop_size + n_fade
        self._spectra = LaneSpectra(n_lanes, spec, sample_rate_hz, n_bins)
        self._widening = Widening(n_bins, MAX_ROWS)
        coherent = CoherentPhases(n_lanes, n_bins, fft_size, self.hop_size, spec.bin_hz, seed, MAX_ROWS)
        self._phases = LanePhases(self._spectra.magnitudes, coherent)
        self._hops = LaneHops(synthesis, self._spectra, self._phases, hop_offsets, self._n_kept)
        self._dense_hops = DenseHops(synthesis, self._spectra, self._phases)
        n_ahead = N_HOPS_AHEAD * self.hop_size
        self._rings = Rings(n_lanes, n_ahead, n_fade)
        self._changes = SpectrumChanges(n_lanes, self._rings.fade_in, self._rings.ramps)
        self.size = self._rings.size
        self._points = PointHops(self._hops, self._rings, self._phases, n_lanes)
        self._membership = Membership(n_lanes)
        self._submixes = Submixes(self._membership, self._spectra, self._changes, self._hops, self._rings)
        self._transposer = Transposer(hop_offsets, self._dense_hops, self._spectra, self._phases, n_fade, n_ahead + 1)
        plain = self._hops, self._rings, self._membership, self._submixes, self._phases, self._points
        self._plain_hops = PlainHops(*plain, self._transposer.active, self._n_kept)
        self._opened_at = [-1] * n_lanes

    @property
    def n_bins(self) -> int:
        return self._dense_hops.n_bins

    @property
    def n_transforms(self) -> int:
        """Inverse transforms made so far; a submix counts as one."""
        return self._hops.n_transforms + self._dense_hops.n_transforms

    @property
    def n_transposed(self) -> int:
        return self._transposer.n_active

    def frames_to_hop(self, lane: int, frame: int) -> int:
        """Frames from `frame` to a lane's next hop after it, 1 to hop_size."""
        return self.hop_size - self._hops.elapsed(lane, frame)

    # Spectra, blends and ratios

    def magnitudes(self, lane: int) -> np.ndarray:
        """A copy of a lane's present magnitudes, float32 (n_bins,). Any thread may call this."""
        return self._spectra.magnitudes[lane] / self._spectra.stored_shares[lane, 0]

    def set_spectra(
        self,
        lanes: Sequence[int],
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None = None,
        bandwidths_cents: Sequence[float] = (),
        blends: Sequence[float] = (),
    ) -> None:
        """Give lanes new spectra. A sounding lane crossfades to its new spectrum at its next hop.

        When the blend of a lane with a bandwidth changes, set the lane's spectrum again.

        lanes: ascending.
        magnitudes: the spectra at any level, (n, n_magnitudes).
        semitones: distance of each lane's key from the note of its spectrum.
        gains: factors for the levelled spectra, float32 (n, n_bins); None if all are 1.
        bandwidths_cents: one for each lane, or empty if all are 0.
        blends: each lane's blend, needed only for bandwidths.
        """
        self._store(lanes, magnitudes, semitones, gains, bandwidths_cents, blends)
        for lane in lanes:
            self._changes.changed[lane] = True

    def set_targets(
        self,
        lanes: Sequence[int],
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None = None,
        bandwidths_cents: Sequence[float] = (),
        blends: Sequence[float] = (),
        takes_blends: bool = False,
    ) -> None:
        """Give lanes the spectra that they reach at the end of a ramp. `ramp` must follow.

        takes_blends: True if the ramp also leads to `blends`; False if the lanes keep their blends.
        The other arguments are as in set_spectra.
        """
        self._store(lanes, magnitudes, semitones, gains, bandwidths_cents, blends)
        if takes_blends:
            for lane, blend in zip(lanes, blends, strict=True):
                self._phases.blend[lane] = blend

    def _store(
        self,
        lanes: Sequence[int],
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None,
        bandwidths_cents: Sequence[float],
        blends: Sequence[float],
    ) -> None:
        self._phases.forget_found(lanes)
        if any(bandwidths_cents):
            amplitudes = [float(noise_amplitude(blend)) for blend in blends]
            magnitudes = self._widening.widen(magnitudes, bandwidths_cents, amplitudes)
        self._phases.set_bandwidths(lanes, bandwidths_cents)
        self._spectra.set(lanes, magnitudes, semitones, gains)

    def prepare(
        self,
        lanes: Sequence[int],
        magnitudes: np.ndarray,
        semitones: Sequence[float],
        gains: np.ndarray | None = None,
        *_unused: Sequence[float],
    ) -> None:
        """Make new spectra ready, and find their sinusoids; the lanes keep their present spectra until `take_prepared`.

        Neither the new nor the present spectra may have a bandwidth. The arguments are as in set_spectra.
        """
        self._spectra.prepare(lanes, magnitudes, semitones, gains)
        self._phases.prepare(lanes, self._spectra.prepared)

    def take_prepared(self, lanes: Sequence[int], are_targets: bool) -> None:
        """Give lanes the spectra of the newest `prepare`.

        lanes: ascending.
        are_targets: True if the lanes reach these spectra at the end of a ramp, as in `set_targets`; False if they
            crossfade to them, as in `set_spectra`.
        """
        self._phases.set_bandwidths(lanes, ())
        self._phases.take_prepared(lanes)
        self._spectra.take_prepared(lanes)
        if not are_targets:
            for lane in lanes:
                self._changes.changed[lane] = True

    def before_new_spectra(self, lanes: Sequence[int], frame: int) -> None:
        """Make the old sound, from which lanes will crossfade. Call this before the lanes get new spectra or blends.

        lanes: those that hop at `frame`, and get a new spectrum or a new blend there. Only transposed lanes need this;
            the others are left out.
        """
        self._transposer.make_fades(self.transposed_among(lanes), frame)

    def set_blend(self, lanes: Sequence[int], blend: float) -> None:
        """Set the blend of lanes (0: noise phases, 1: coherent phases). They crossfade to it at their next hop."""
        blends = self._phases.blend
        if blends.count(blend) == len(blends):
            return
        for lane in lanes:
            if blends[lane] != blend:
                blends[lane], self._changes.changed[lane] = blend, True

    def beside(self, fundamental_hz: float) -> np.ndarray:
        """How far each low bin is from the nearest multiple of a fundamental, in bins: float32 (N_LOW_BINS,).

        Give this array to `set_beside`: low sinusoids close to a multiple are then moved towards this multiple.
        """
        return beside_multiples(fundamental_hz / self._bin_hz)

    def set_beside(self, lane: int, beside: np.ndarray) -> None:
        """Set where the multiples of a lane's fundamental are; call it before `open`.

        beside: what the method `beside` returns.
        """
        self._phases.beside[lane] = beside

    def set_ratios(self, lanes: Sequence[int], frame: int, ratios: Sequence[Ratio]) -> None:
        """Transpose lanes from `frame` on: multiply the pitches of their spectra by `ratios`.

        A transposed lane stays transposed at a ratio of 1; a plain lane stays plain if its ratio is always exactly 1.
        """
        active = self._transposer.active
        if self._transposer.n_active:
            if all(map(active.__getitem__, lanes)):
                self._transposer.set_ratios(lanes, frame, ratios)
                return
            rows = [row for row, lane in enumerate(lanes) if active[lane]]
            if rows:
                self._transposer.set_ratios([lanes[row] for row in rows], frame, [ratios[row] for row in rows])
        plain = [(lane, ratio) for lane, ratio in zip(lanes, ratios, strict=True) if not active[lane]]
        beginnings = [self._beginning(lane, frame, ratio) for lane, ratio in plain if ratio.fixed != 1.0]
        if beginnings:
            self._transposer.begin(beginnings, frame)

    def _beginning(self, lane: int, frame: int, ratio: Ratio) -> Beginning:
        fade_left = self._changes.fade_left(lane, frame)
        fading = self.read_lane(lane, frame, fade_left).copy() if fade_left else _NO_SOUND
        elapsed, number = self._hops.elapsed(lane, frame), self._hops.number(lane, frame)
        return Beginning(lane, elapsed, number, ratio, fading, self._opened_at[lane] == frame)

    def end(self, lanes: Iterable[int]) -> None:
        for lane in lanes:
            self._transposer.leave(lane)

    # Making sound

    def give_points(self, lane: int, has_points: bool) -> None:
        """Set whether a lane's spectrum changes at points of its own or at its hops; call it before `open`.

        For a lane with points of its own, call `before_ramp` and then `ramp` or `rest` at each of these points. At its
        hops call `go_past_hop` instead of `hop`.
        """
        self._points.has_points[lane] = has_points

    def open(self, lanes: slice, frame: int, blend: float, is_plain: bool = True) -> None:
        """Begin the sound of lanes at full level.

        For plain lanes, also make the sound from `frame` to `fade_frames` after their next hop.

        lanes: they all hop together.
        blend: from 0 (noise phases) to 1 (coherent phases).
        is_plain: False if `set_ratios` will transpose the lanes at this frame.
        """
        for lane in range(lanes.start, lanes.stop):
            self._transposer.leave(lane)
            self._phases.open(lane, blend)
            self._opened_at[lane] = frame
        self._changes.clear(lanes, frame)
        self._membership.put(range(lanes.start, lanes.stop), None)
        self._hop_phases(range(lanes.start, lanes.stop), frame, [False] * (lanes.stop - lanes.start))
        for lane in range(lanes.start, lanes.stop):
            self._points.begin(lane, frame, is_made=True)
        if is_plain:
            sound = self._hops.sound(lanes, frame)
            self._rings.write(lanes, frame, sound[:, self._hops.elapsed(lanes.start, frame) :])

    def before_ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Make the old sound that a ramp of these lanes will need; call before `set_targets`.

        Either all of the lanes have points of their own, or none.
        """
        transposed, plain_lanes = self._divided(lanes)
        if transposed:
            self._transposer.before_ramp(transposed, frame, n_frames)
        if self._points.has_points[lanes[0]]:
            self._points.make_to(plain_lanes, frame + n_frames)

    def go_past_hop(self, lanes: Sequence[int], frame: int) -> None:
        """Make the sound from the hop at `frame` to the next hop, unless it is there already.

        lanes: those with points of their own (`give_points`). Nothing is made for transposed lanes: their sound is made
        when it is read.
        """
        _, plain_lanes = self._divided(lanes)
        self._points.make_to(plain_lanes, frame + 1)  # one frame is enough: `make_to` makes the whole hop

    def rest(self, lanes: Sequence[int], frame: int) -> None:
        """Keep these lanes' spectra up to their next point; call it in place of `ramp`.

        frame: one of their points.
        """
        self._transposer.narrow(self.transposed_among(lanes), frame)

    def ramp(self, lanes: Sequence[int], frame: int, n_frames: int) -> None:
        """Crossfade linearly from lanes' present sound to the sound of the spectra given by `set_targets`.

        The crossfade begins at `frame` and lasts n_frames. It must not end after the lanes' next hop, unless the lanes
        have points of their own.
        lanes: ascending; they all hop together.
        """
        transposed, lanes = self._divided(lanes)
        if transposed:
            self._transposer.ramp(transposed, frame, n_frames)
        if not lanes:
            return
        self._changes.ramp(lanes, frame, n_frames)
        self._hop_phases(lanes, frame, [True] * len(lanes))
        if self._points.has_points[lanes[0]]:
            self._points.ramp(lanes, frame, n_frames)
        else:
            self._plain_hops.ramp(lanes, frame, n_frames)

    def n_hops_ahead(self, lanes: slice) -> int:
        """How many hops the next call of `hop` should make: 1 if a spectrum or blend has changed, else N_HOPS_AHEAD."""
        return 1 if any(self._changes.changed[lanes]) else N_HOPS_AHEAD

    def hop(self, lanes: Sequence[int], frame: int, n_hops: int, gains: np.ndarray) -> None:
        """Make the sound of n_hops hops, for lanes that have a hop at `frame`.

        lanes: ascending; the highest number is at most MAX_ROWS - 1 above the lowest.
        gains: one for each lane number from the lowest to the highest, float32: a steady lane's gain in the mix, and 0
            for any other lane. The array is overwritten.
        """
        run = slice(lanes[0], lanes[-1] + 1)
        changed = self._changes.take(run, frame)
        transposed, plain_lanes = self._divided(lanes)
        self._hop_phases(plain_lanes, frame, [changed[lane - run.start] for lane in plain_lanes])
        if len(transposed) == len(changed):  # no number is left out between the lowest and the highest
            self._transposer.hop(transposed, frame, changed, gains.tolist())
            return
        if transposed:
            rows = [lane - run.start for lane in transposed]
            self._transposer.hop(transposed, frame, [changed[row] for row in rows], gains[rows].tolist())
            gains[rows] = 0.0
        if plain_lanes:
            plain = slice(plain_lanes[0], plain_lanes[-1] + 1)
            rows = slice(plain.start - run.start, plain.stop - run.start)
            self._plain_hops.make(plain_lanes, plain, frame, n_hops, changed[rows], gains[rows])

    def _hop_phases(self, lanes: Sequence[int], frame: int, changed: Sequence[bool]) -> None:
        if lanes:
            number = self._hops.number(lanes[0], frame)
            self._phases.hop(lanes, frame, [number] * len(lanes), changed)

    # Submixes

    def mixed(self, lanes: Iterable[int]) -> list[int]:
        return self._membership.members_among(lanes)

    def on_bus(self, lanes: Iterable[int]) -> list[int]:
        return self._transposer.mixed(lanes)

    def unmix(self, lanes: Sequence[int], frame: int) -> None:
        """Take lanes out of submixes and buses: each has a sound of its own from `frame` up to its next hop."""
        self._submixes.unmix(lanes, frame)
        if self._transposer.n_active:
            self._transposer.unmix(lanes, frame)

    def heard_lanes(self, n_lanes: int, n_voices: int) -> slice:
        """As in `Membership`."""
        return self._membership.heard_lanes(n_lanes, n_voices)

    # Reading sound

    def transposed_among(self, lanes: Iterable[int]) -> list[int]:
        active = self._transposer.active
        return [lane for lane in lanes if active[lane]] if self._transposer.n_active else []

    def _divided(self, lanes: Sequence[int]) -> tuple[list[int], Sequence[int]]:
        """The transposed ones of some lanes, and the others."""
        active, transposed = self._transposer.active, self.transposed_among(lanes)
        if not transposed:
            return transposed, lanes
        return transposed, [] if len(transposed) == len(lanes) else [lane for lane in lanes if not active[lane]]

    def heard_among(self, transposed: Sequence[int]) -> list[int]:
        """The transposed lanes that must be read: a bus is heard through its carrier alone."""
        return self._transposer.heard(transposed)

    def longest_read(self, lanes: Sequence[int]) -> int:
        """The most frames that one call of `read_transposed` should read of `lanes`, which must not be empty."""
        return self._transposer.longest_read(lanes)

    def read(self, lanes: slice, frame: int, n_frames: int) -> np.ndarray:
        """Sound of lanes from `frame` on: a view (n_lanes, n_frames), which must not reach past the ring's end.

        Rows of transposed lanes are meaningless.
        """
        return self._rings.read(lanes, frame, n_frames)

    def read_transposed(self, lanes: Sequence[int], frame: int, n_frames: int) -> np.ndarray:
        """Sound of transposed lanes from `frame` on, (n_lanes, n_frames), valid until the next call."""
        return self._transposer.read(lanes, frame, n_frames)

    def read_lane(self, lane: int, frame: int, n_frames: int) -> np.ndarray:
        """Sound of one lane from `frame` on, float32 (n_frames,); takes the lane out of its submix or bus.

        The array is valid until the next call of this method or of `read_transposed`. Read no further than
        `fade_frames` past the hop for which `hop` must be called next. A plain lane without points of its own has no
        later sound: its ring would give old samples there, without an error.
        """
        if self._transposer.active[lane]:
            self._transposer.unmix([lane], frame)
            return self._transposer.read([lane], frame, n_frames)[0]
        if self._points.has_points[lane]:
            self._points.make_to([lane], frame + n_frames)
        self._submixes.unmix([lane], frame)
        return self._rings.read_lane(lane, frame, n_frames)
