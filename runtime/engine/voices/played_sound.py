"""A sound that voices can play: its settings as numbers that the audio thread uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.config import VoiceConfig
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.modulation.curves import cubic_of
from runtime.engine.voices.modulation.modulator import Modulator
from runtime.engine.voices.modulation.sources import Sources
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound

if TYPE_CHECKING:
    from runtime.engine.voices.bank import Voice

# Targets of the spectrum: they move from hop to hop.
SPECTRAL_TARGETS = (
    "phase_blend",
    "filter.cutoff",
    "filter.resonance",
    "tilt",
    "bandwidth",
    "width",
    "trajectory.position",
)
GAIN_TARGETS = ("level", "pan")


def channel_gains(channels: Channels, voice: Voice) -> tuple[float, float]:
    """Left and right gain that a voice has from its channel; without the pan where `GridGains` applies it."""
    if voice.played.gains_move:
        level = channels.level(voice.channel)
        return level, level
    return channels.gains(voice.channel, voice.played.patch.settings.pan)


class PlayedSound:
    """One sound; it is made before the engine renders, and never changes.

    patch: what it was made from; voice: how notes are played; volume: gain; curve: the envelope's cubic, as in `Ramps`;
    modulator: what moves the sound. spectral_targets: the modulated targets that are heard in the spectrum;
    spectrum_moves: whether one of these may change while a note sounds; latents_move: whether one of the latents is
    modulated; is_plain: whether its notes sound with the decoder's spectra as they are; gains_move: whether level or
    pan are modulated.
    """

    def __init__(self, patch: Patch, sources: Sources, latents: Sequence[str]):
        self.patch, self.sound = patch, patch.sound
        self.voice: VoiceConfig = patch.settings.voice
        self.volume = 10.0 ** (patch.settings.volume_db / 20.0)
        self.curve = cubic_of(self.voice.envelope.curve)
        self.modulator = Modulator(self.sound, sources, latents)
        targets, moves = self.modulator.targets, self.modulator.moves
        latent_targets = tuple(self.modulator.latents)
        self.spectral_targets = targets & frozenset(SPECTRAL_TARGETS + latent_targets)
        self.spectrum_moves = moves(SPECTRAL_TARGETS + latent_targets)
        self.latents_move = not targets.isdisjoint(latent_targets)
        self.is_plain = not (self.spectral_targets or _is_shaped(self.sound))
        self.gain_targets = targets & frozenset(GAIN_TARGETS)
        self.gains_move = bool(self.gain_targets)


def _is_shaped(sound: Sound) -> bool:
    """Whether a sound shapes spectra even without modulation."""
    return (
        sound.filter.type != "off"
        or sound.tilt_db_per_octave != 0.0
        or sound.odd_even_db != 0.0
        or sound.formant_semitones != 0.0
    )
