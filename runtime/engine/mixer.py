"""All voices to two channels: envelopes, gains, the tails of stolen voices, and the limiter."""

from __future__ import annotations

import numpy as np

from runtime.engine.limiter import limit
from runtime.engine.synthesis.lane_sound import VoiceRings
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.voices.bank import Voice, VoiceBank

LONGEST_SPAN = 2048


class Mixer:
    """Mixes spans in which no ramp arrives and no lane hops; `stereo`: float32 (LONGEST_SPAN + 1, 2), the last span."""

    def __init__(self, bank: VoiceBank, rings: VoiceRings):
        n_lanes = len(bank.voices)
        self.stereo = np.zeros((LONGEST_SPAN + 1, 2), np.float32)
        self._bank, self._rings = bank, rings
        self._mix = np.zeros((2, LONGEST_SPAN + 1), np.float32)
        self._scratch = np.zeros((2, 2, LONGEST_SPAN + 1), np.float32)
        self._enveloped, self._panned = np.zeros((2, n_lanes * (LONGEST_SPAN + 1)), np.float32)
        self._tails = np.zeros((2, rings.size + 1), np.float32)
        self._tails_end = 0

    def mix(self, frame: int, n_frames: int, transposed: list[int]) -> None:
        """Fill `stereo` with n_frames from `frame` on; transposed: the lanes whose sound the transposer has."""
        # Never one frame alone: a sum over a column runs in another order than a sum over rows.
        n, lanes, bank = max(2, n_frames), self._bank.n_lanes_used, self._bank
        if bank.all_rest() and not transposed and frame >= self._tails_end:
            # Every voice has one gain, and both sides are one.
            mix, heard = self._mix[:1, :n], self._rings.heard_lanes(lanes, bank.n_active)
            np.einsum("l,lx->x", bank.resting_gains()[heard], self._rings.read(heard, frame, n), out=mix[0])
        else:
            envelope = bank.envelope.values(lanes, frame, n)
            left, right = bank.left.values(lanes, frame, n), bank.right.values(lanes, frame, n)
            mix = self._mix_sides(frame, n, envelope, (left, right), transposed)
        limit(mix, *self._scratch[:, : len(mix), :n])
        self.stereo[:n, 0], self.stereo[:n, 1] = mix[0], mix[-1]

    def _mix_sides(
        self, frame: int, n: int, envelope: np.ndarray, sides: tuple[np.ndarray, np.ndarray], transposed: list[int]
    ) -> np.ndarray:
        """Left and right, (2, n)."""
        lanes, mix = len(envelope), self._mix[:, :n]
        enveloped, panned = (a[: lanes * n].reshape(lanes, n) for a in (self._enveloped, self._panned))
        np.multiply(self._rings.read(slice(0, lanes), frame, n), envelope, out=enveloped)
        if transposed:
            sounds = self._rings.transposer.read(transposed, frame, n)
            for run in runs_of(transposed):
                n_run = run.stop - run.start
                np.multiply(sounds[:n_run], envelope[run], out=enveloped[run])
                sounds = sounds[n_run:]
        for side, gains in zip(mix, sides, strict=True):
            np.multiply(enveloped, gains, out=panned)
            np.add.reduce(panned, axis=0, out=side)
        if frame < self._tails_end:
            at = frame % self._rings.size
            mix += self._tails[:, at : at + n]
        return mix

    def keep_tail(self, voice: Voice, frame: int) -> None:
        """Move what a voice that is stolen still sounds into the tails, fading, so that its lane is free at once."""
        bank, lane, n = self._bank, voice.lane, self._bank.steal_fade_size
        fade = np.cos(np.linspace(0.0, np.pi / 2.0, n, dtype=np.float32)) ** 2
        sound = self._rings.copy(lane, frame, n) * fade * np.float32(bank.envelope.value(lane, frame))
        places = np.arange(frame, frame + n) % self._rings.size
        for tail, ramps in zip(self._tails, (bank.left, bank.right), strict=True):
            tail[places] += sound * np.float32(ramps.value(lane, frame))
        self._tails_end = frame + n

    def clear_played_tails(self, first: int, end: int) -> None:
        """Forget the tails of frames that have been played."""
        if first < self._tails_end:
            at = first % self._rings.size
            self._tails[:, at : at + end - first] = 0.0
