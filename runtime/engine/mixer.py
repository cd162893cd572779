"""Mixes all lanes to stereo, adds the tails of stolen voices, and limits the sum."""

from __future__ import annotations

import numpy as np

from runtime.engine.limiter import limit
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.transposing.dense_rings import ring_places
from runtime.engine.synthesis.wide_sound import WideSound
from runtime.engine.voices.bank import VoiceBank
from runtime.engine.voices.changes import Stolen
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.grid_gains import GridGains
from runtime.engine.voices.widths import Widths

LONGEST_SPAN = 2048


class Mixer:
    """Mixes one span at a time into `stereo`, float32 (LONGEST_SPAN + 1, 2).

    Within a span no ramp ends and no lane has a hop. A tail is the fading rest of a stolen voice's sound.

    limits: whether the mix is limited to full scale.
    tails_end: the frame at which all tails have ended.
    ValueError if a tail is longer than `LaneSound.fade_frames`.
    """

    def __init__(self, bank: VoiceBank, sound: WideSound, widths: Widths, channels: Channels, limits: bool):
        if bank.cut_fade_frames > sound.fade_frames:
            raise ValueError(f"voices fade for {bank.cut_fade_frames} frames; lanes have {sound.fade_frames} ahead")
        n_lanes = len(bank.voices)
        self.stereo = np.zeros((LONGEST_SPAN + 1, 2), np.float32)
        self._bank, self._sound, self._widths = bank, sound, widths
        self._grid = GridGains(n_lanes, LONGEST_SPAN + 1, channels)
        self._mix = np.zeros((2, LONGEST_SPAN + 1), np.float32)
        self._scratch = np.zeros((2, 2 * (LONGEST_SPAN + 1)), np.float32)
        n_samples = n_lanes * (LONGEST_SPAN + 1)
        self._enveloped, self._panned, self._sides, self._rights = np.zeros((4, n_samples), np.float32)
        self._tails = np.zeros((2, sound.size + 1), np.float32)
        self._stolen = np.zeros((3, bank.cut_fade_frames), np.float32)
        self._fade_out = np.cos(np.linspace(0.0, np.pi / 2.0, bank.cut_fade_frames, dtype=np.float32)) ** 2
        self._limits, self.tails_end = limits, 0
        # For the present part:
        # is_mono: whether left and right are equal.
        # _modulated: the lanes with modulated gains.
        # _heard, _gains: if is_mono, the lanes that are read, and their gains.
        self.is_mono, self._transposed, self._modulated = False, list[int](), list[int]()
        self._heard: list[int] | slice = slice(0, 0)
        self._gains = np.zeros(0, np.float32)

    def begin_part(self, frame: int, n_frames: int, transposed: list[int], heard: list[int]) -> None:
        """Begin a part of a span; the part has n_frames, the first of which is `frame`.

        While `is_mono`, this call is needed only for the first part of a span.

        transposed: the transposed lanes that sound, ascending.
        heard: the lanes of `transposed` that are read.
        """
        bank = self._bank
        is_mono = bank.all_steady() and not self._widths.n_wide and frame >= self.tails_end
        self.is_mono = is_mono and len(transposed) in (0, bank.n_active)
        self._transposed, self._modulated = transposed, []
        if self.is_mono:
            self._heard = heard if transposed else self._sound.heard_lanes(bank.n_lanes_used, bank.n_active)
            self._gains = bank.steady_gains()[self._heard]
            return
        modulated = [voice for voice in bank.used() if voice.active and voice.played.gains_move]
        if modulated:
            self._grid.begin_span(modulated, frame, max(2, n_frames))
            self._modulated = [voice.lane for voice in modulated]

    def mix(self, frame: int, n_frames: int) -> None:
        """Fill the first n_frames of `stereo` with the sound from `frame` on."""
        # At least two frames: NumPy adds up a single column in another order, which changes the sum's bits.
        n, lanes, bank, sound = max(2, n_frames), self._bank.n_lanes_used, self._bank, self._sound
        if self.is_mono:
            left, heard = self._mix[0, :n], self._heard
            right = left
            sounds = sound.read_transposed(heard, frame, n) if self._transposed else sound.read(heard, frame, n)
            if len(sounds) == 1:
                np.multiply(sounds[0], self._gains, out=left)
            else:
                np.einsum("l,lx->x", self._gains, sounds, out=left)
            if self._limits:
                limit(left, *self._scratch[:, :n])
        else:
            envelope = bank.envelope.values(lanes, frame, n)
            left, right = bank.left.values(lanes, frame, n), bank.right.values(lanes, frame, n)
            mix = self._mix_sides(frame, n, envelope, (left, right), self._transposed, self._modulated)
            if self._limits:
                limit(mix, *self._scratch[:, : 2 * n].reshape(2, 2, n))
            left, right = mix
        self.stereo[:n, 0], self.stereo[:n, 1] = left, right

    def _mix_sides(
        self,
        frame: int,
        n: int,
        envelope: np.ndarray,
        sides: tuple[np.ndarray, np.ndarray],
        transposed: list[int],
        modulated: list[int],
    ) -> np.ndarray:
        """Return the stereo mix, float32 (2, n).

        envelope: the lanes' envelopes, from `Ramps.values`.
        sides: the lanes' left gains and right gains, from `Ramps.values`.
        transposed: the transposed lanes that sound.
        modulated: the lanes with gains from `GridGains`.
        """
        lanes, mix = len(envelope), self._mix[:, :n]
        enveloped, panned = (a[: lanes * n].reshape(lanes, n) for a in (self._enveloped, self._panned))
        transposed_sides = self._transposed_sides() if self._widths.n_wide else []
        heard, sounds = self._read_transposed([*transposed, *transposed_sides], frame, n)
        n_heard = sum(lane < self._sound.first_side for lane in heard)
        self._envelop(frame, n, envelope, transposed, heard[:n_heard], sounds[:n_heard], 0, enveloped)
        channels = enveloped, enveloped
        if self._widths.n_wide:
            apart, first = self._sides[: lanes * n].reshape(lanes, n), self._sound.first_side
            self._envelop(frame, n, envelope, transposed_sides, heard[n_heard:], sounds[n_heard:], first, apart)
            channels = self._widen(frame, n, enveloped, apart)
        of_grid = self._grid.values(modulated, frame, n) if modulated else None
        for number, (side, channel, gains) in enumerate(zip(mix, channels, sides, strict=True)):
            np.multiply(channel, gains, out=panned)
            if modulated:
                panned[modulated] *= of_grid[number]
            np.add.reduce(panned, axis=0, out=side)
        if frame < self.tails_end:
            at = frame % self._sound.size
            mix += self._tails[:, at : at + n]
        return mix

    def _transposed_sides(self) -> list[int]:
        sides = self._sound.sides_of([voice.lane for voice in self._bank.used() if voice.active])
        return self._sound.transposed_among(sides)

    def _read_transposed(self, transposed: list[int], frame: int, n: int) -> tuple[list[int], np.ndarray]:
        """Return those of the `transposed` lanes that must be read, and their sound, float32 (n_heard, n)."""
        heard = self._sound.heard_among(transposed) if transposed else []
        return heard, self._sound.read_transposed(heard, frame, n) if heard else self._panned[:0].reshape(0, n)

    def _envelop(
        self,
        frame: int,
        n: int,
        envelope: np.ndarray,
        transposed: list[int],
        heard: list[int],
        sounds: np.ndarray,
        first: int,
        out: np.ndarray,
    ) -> None:
        """Multiply the sound of the lanes from number `first` on by their envelopes; write it to `out`, a row a lane.

        A transposed lane that is not read gets zeros.

        transposed: which of these lanes are transposed.
        heard: which of the transposed lanes are read.
        sounds: the sound of the lanes in `heard`.
        """
        np.multiply(self._sound.read(slice(first, first + len(out)), frame, n), envelope, out=out)
        if transposed:
            out[[lane - first for lane in transposed]] = 0.0
            for run in runs_of(heard):
                n_run, rows = run.stop - run.start, slice(run.start - first, run.stop - first)
                np.multiply(sounds[:n_run], envelope[rows], out=out[rows])
                sounds = sounds[n_run:]

    def _widen(self, frame: int, n: int, enveloped: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lanes' left and right channels, float32 (n_lanes, n) each.

        enveloped: the lanes' enveloped sound; it is overwritten.
        sides: the enveloped sound of the lanes' sides; it is overwritten.
        """
        lanes = len(enveloped)
        # A lane that is not wide has the side gain 0, whatever the side's ring holds.
        sides *= self._widths.side.values(lanes, frame, n)
        enveloped *= self._widths.middle.values(lanes, frame, n)
        right = np.subtract(enveloped, sides, out=self._rights[: lanes * n].reshape(lanes, n))
        return np.add(enveloped, sides, out=enveloped), right

    def keep_tail(self, stolen: Stolen, frame: int) -> None:
        """Add a lane's sound to the tails, because a new note takes the lane. From `frame` on, the sound fades out."""
        left, right, apart = self._stolen
        self._fade(stolen.lane, frame, stolen.level, left)
        right[:] = left
        for number in self._sound.sides_of([stolen.lane]):
            middle, side = (np.float32(gain) for gain in self._widths.gains(stolen.lane, frame))
            self._fade(number, frame, stolen.level * side, apart)
            left *= middle
            np.subtract(left, apart, out=right)
            left += apart
        gains = np.array((stolen.left, stolen.right))
        if stolen.is_modulated:
            gains *= self._grid.values([stolen.lane], frame, 1)[:, 0, 0]
        for tail, channel, gain in zip(self._tails, (left, right), gains, strict=True):
            channel *= np.float32(gain)
            for places, part in ring_places(self._sound.size, frame, len(channel)):
                tail[places] += channel[part]
        self.tails_end = frame + len(left)

    def _fade(self, lane: int, frame: int, level: float, out: np.ndarray) -> None:
        """Write a lane's sound from `frame` on into `out`, faded out and multiplied by `level`."""
        np.multiply(self._sound.read_lane(lane, frame, len(out)), self._fade_out, out=out)
        out *= np.float32(level)

    def clear_played_tails(self, first: int, end: int) -> None:
        """Erase the part of the tails that has been played, from frame `first` up to `end`."""
        if first < self.tails_end:
            at = first % self._sound.size
            self._tails[:, at : at + end - first] = 0.0
