"""A sound that voices can play, in the form in which the audio thread uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from runtime.config import VoiceConfig
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.modulation.curves import cubic_of
from runtime.engine.voices.modulation.modulator import Modulator
from runtime.engine.voices.modulation.openings import NEAREST, NEAREST_SINGLY, TRAJECTORY_POINTS, opening_points
from runtime.engine.voices.modulation.sources import Moment, Sources
from runtime.engine.voices.modulation.trajectories import Trajectories
from runtime.engine.voices.pitch.modulated import PITCH_TARGETS
from runtime.sound.motion import DEFAULT_LFO_HZ
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound

if TYPE_CHECKING:
    from runtime.engine.voices.bank import Voice

# Targets that change the spectrum. While such a target is modulated, the spectrum is made again at each hop.
SPECTRAL_TARGETS = (
    "phase_blend",
    "filter.cutoff",
    "filter.resonance",
    "tilt",
    "bandwidth",
    "width",
)
GAIN_TARGETS = ("level", "pan")
PLAYHEAD_TARGETS = ("trajectory.speed", "trajectory.position")


def channel_gains(channels: Channels, voice: Voice) -> tuple[float, float]:
    """Left and right gain of a voice, from its channel's level and pan, and from its knobs' gain and pan.

    If modulation or a trajectory moves the level or the pan, `GridGains` applies both pans, so they are left out here.
    """
    gain = voice.knobs.gain
    if voice.played.gains_move:
        level = channels.level(voice.channel) * gain
        return level, level
    left, right = channels.gains(voice.channel, voice.knobs.pan)
    return left * gain, right * gain


def playhead_of(voices: Sequence[Voice], frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The speed and the shift of each voice's playhead, for `Playheads.advance`. voices: all play one sound."""
    played, n = voices[0].played, len(voices)
    moment = Moment(voices, np.array([voice.lane for voice in voices]), np.array([float(frame)]))
    sums = played.modulator.values(played.playhead_targets, moment)
    speeds, shifts = np.ones(n), np.zeros(n)
    if "trajectory.speed" in sums:
        speeds[:] = 2.0 ** sums["trajectory.speed"][:, 0]
    if "trajectory.position" in sums:
        shifts[:] = sums["trajectory.position"][:, 0]
    return speeds, shifts


class PlayedSound:
    """One sound, made outside the audio thread; afterwards only the rates of its LFOs change.

    sound: the patch's sound.
    morphs: the sound at each step of the patch's morph (`runtime.control.morph.steps`); empty without a morph.
    voice: how notes are played.
    curve: the cubic along which the envelope's stages move: the coefficients that `Ramps.move` takes.
    modulator: the sound's modulation.
    trajectories: the sound's trajectories, or None.

    The spectrum:
    is_plain: whether notes sound with the decoder's spectra as they are; this says nothing about their pitch.
    spectral_targets: the modulated targets that change the spectrum.
    spectrum_moves: whether the spectrum may change while a note sounds.
    moves_fast: whether a fast LFO moves spectral targets.
    opening_points: the extra points, besides the hops, with which a note begins; empty if it needs none.
    first_spacing: the first distance between opening points, in frames; 0 without such points.
    has_own_points: whether each voice has points of its own (`HopGroups`), because its spectra are made one by one.
    can_be_read_early: whether the spectra of a hop can be made at its reading.
    latents_move: whether modulation or a trajectory moves a latent.
    has_bandwidth: whether its notes may have a bandwidth.
    has_width: whether its notes may have a stereo width.
    blend_moves: whether the blend of phases is modulated.
    leads_blend: whether the blend changes along ramps, not at hops.
    needs_blend: whether the spectra depend on the blend.

    Level, pan, pitch and playhead:
    gain_targets, playhead_targets: those of GAIN_TARGETS and PLAYHEAD_TARGETS that are modulated.
    gains_move: whether modulation or a trajectory moves the level or the pan.
    pitch_moves: whether pitch or vibrato are modulated.
    pitch_delay_s: how long pitch and vibrato stay unmodulated after a note's start.
    pitch_reach_semitones: how far modulation can raise the pitch.
    """

    def __init__(
        self,
        patch: Patch,
        sources: Sources,
        latents: Sequence[str],
        trajectories: Trajectories | None,
        morphs: tuple[PlayedSound, ...] = (),
    ):
        self.patch, self.sound, self.morphs = patch, patch.sound, morphs
        self.voice: VoiceConfig = patch.settings.voice
        self.curve = cubic_of(self.voice.envelope.curve)
        self.modulator = Modulator(self.sound, sources, latents)
        targets, moves = self.modulator.targets, self.modulator.moves
        latent_targets = tuple(self.modulator.latents)
        self.playhead_targets = targets & frozenset(PLAYHEAD_TARGETS) if patch.trajectories else frozenset()
        self.trajectories = trajectories
        has_path = self.trajectories is not None
        self.spectral_targets = targets & frozenset(SPECTRAL_TARGETS + latent_targets)
        self.spectrum_moves = has_path or moves(SPECTRAL_TARGETS + latent_targets)
        self._lfo_targets = SPECTRAL_TARGETS + latent_targets
        self.moves_fast = self.modulator.follows_fast_lfos(self._lfo_targets)
        self.latents_move = has_path or not targets.isdisjoint(latent_targets)
        self.has_bandwidth = self.sound.bandwidth_cents > 0.0 or "bandwidth" in targets
        self.has_width = self.sound.width > 0.0 or "width" in targets
        # A voice that is wide only through modulation is not made singly: while it is not wide, it can join a submix.
        made_singly = self.sound.width > 0.0 or self.sound.bandwidth_cents > 0.0
        self.has_own_points = self.spectrum_moves and made_singly
        moved = partial(self.modulator.added_by_envelopes, SPECTRAL_TARGETS + latent_targets)
        nearest = NEAREST_SINGLY if self.has_own_points else NEAREST
        self.opening_points = TRAJECTORY_POINTS if has_path else opening_points(self.sound, moved, nearest)
        self.first_spacing = next((spacing for _, spacing in self.opening_points if spacing), 0)
        self.is_plain = not (self.spectral_targets or has_path or _is_shaped(self.sound))
        self.blend_moves = "phase_blend" in targets
        self.leads_blend = self.blend_moves or self.has_own_points
        self.needs_blend = self.has_bandwidth or self.blend_moves
        self.can_be_read_early = not (self.needs_blend or self.has_own_points or self.playhead_targets)
        self.pitch_moves = not targets.isdisjoint(PITCH_TARGETS)
        self.pitch_delay_s = self.modulator.delay_s(PITCH_TARGETS)
        self.pitch_reach_semitones = self.modulator.reach("pitch")
        self.gain_targets = targets & frozenset(GAIN_TARGETS)
        self.gains_move = bool(self.gain_targets) or (has_path and self.trajectories.has_level)

    def follow_rates(self, rates: Mapping[str, float], frame: int) -> None:
        """From `frame` on, give the LFOs the rates that the player has set. rates: in Hz, by the LFO's name."""
        for name, rate_hz in rates.items():
            self.modulator.sources.set_rate(name, rate_hz, frame)
            self.moves_fast = self.modulator.follows_fast_lfos(self._lfo_targets)

    def begin_rates(self, is_heard: bool, frame: int) -> None:
        """Give the LFOs the sound's own rates again.

        is_heard: whether a note of the sound is heard; if so, the waves go on without a jump.
        """
        sources = self.modulator.sources
        moved = sources.rates_memory()
        if moved and is_heard:
            own = {name: getattr(self.sound, name).rate_hz or DEFAULT_LFO_HZ for name in moved}
            self.follow_rates(own, frame)
        elif moved:
            sources.restart_rates()
            self.moves_fast = self.modulator.follows_fast_lfos(self._lfo_targets)

    def remember_rates(self, memory: Mapping[str, tuple[float, ...]]) -> None:
        """Let the LFOs go on as in another engine; call before any note.

        memory: `Sources.rates_memory` of the other engine.
        """
        self.modulator.sources.remember_rates(memory)
        self.moves_fast = self.modulator.follows_fast_lfos(self._lfo_targets)


def _is_shaped(sound: Sound) -> bool:
    return (
        sound.filter.type != "off"
        or sound.tilt_db_per_octave != 0.0
        or sound.odd_even_db != 0.0
        or sound.formant_semitones != 0.0
        or sound.bandwidth_cents != 0.0
        or sound.width != 0.0
    )
