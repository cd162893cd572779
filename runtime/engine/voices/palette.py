"""All sounds that an engine can play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from runtime.control.morph import steps
from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.voices.channels import Channels
from runtime.engine.voices.modulation.notes_table import NotesTable
from runtime.engine.voices.modulation.sources import Sources
from runtime.engine.voices.modulation.tempo import Tempo
from runtime.engine.voices.modulation.trajectories import Trajectories
from runtime.engine.voices.played_sound import PLAYHEAD_TARGETS, PlayedSound
from runtime.instrument.card import Card
from runtime.sound.blending import blended
from runtime.sound.motion import control_of
from runtime.sound.patch import Patch, PlayedMorph

if TYPE_CHECKING:
    from runtime.engine.voices.bank import Voice


class Palette:
    """The sounds of one engine.

    patch: the sound at the start.
    programs: the sounds that program changes choose; None for the card's presets.
    even_out: a function that may call the `set_key_gains` of new trajectories. Its arguments are the trajectories and
        the first patch that plays them.

    Attributes:
    channels, tempo: shared by all sounds.
    first: the sound at the start, ready to play.
    moves_playheads: whether any sound modulates where its trajectories are read.
    moves_pitch: whether any sound modulates its pitch.
    moves_spectra: whether any sound changes its spectrum while a note sounds.
    moves_blend: whether any sound modulates its blend of phases.
    has_bandwidth: whether any sound has a bandwidth.
    has_width: whether any sound has a stereo width.
    has_own_points: whether any sound's voices have points of their own.
    """

    def __init__(
        self,
        card: Card,
        patch: Patch,
        programs: Sequence[Patch] | None,
        channels: Channels,
        table: NotesTable,
        n_lanes: int,
        sample_rate_hz: int,
        even_out: Callable[[Trajectories, Patch], None],
    ):
        self.channels, self.sample_rate_hz = channels, sample_rate_hz
        self.tempo = Tempo(patch.sound.tempo_bpm, sample_rate_hz)
        table.tempo = self.tempo
        self._table, self._n_lanes, self._even_out = table, n_lanes, even_out
        self._latents = [latent.name for latent in card.latents]
        self.first = self.ready(patch)
        if programs is None:
            programs = [Patch(patch.settings, patch.sound, tuple(preset.latents)) for preset in card.presets]
        self.programs = [self.ready(program) for program in programs]
        self.moves_pitch = self.moves_playheads = self.moves_spectra = self.moves_blend = False
        self.has_bandwidth = self.has_width = self.has_own_points = False
        for each in (self.first, *self.programs):
            self.take_in(each)

    def admit(self, knobs: SoundKnobs) -> None:
        self.has_bandwidth |= knobs.has_bandwidth
        self.has_width |= knobs.has_width

    def take_in(self, played: PlayedSound) -> None:
        for each in (played, *played.morphs):
            self.moves_pitch |= each.pitch_moves
            self.moves_playheads |= bool(each.playhead_targets)
            self.moves_spectra |= each.spectrum_moves
            self.moves_blend |= each.blend_moves
            self.has_bandwidth |= each.has_bandwidth
            self.has_width |= each.has_width
            self.has_own_points |= each.has_own_points

    def ready(self, patch: Patch) -> PlayedSound:
        """Prepare a sound for playing. Any thread may call this."""
        morphs = self._morphs(patch.morph) if patch.morph is not None else ()
        return self._played(patch, self._trajectories([patch]), morphs)

    def _played(self, patch: Patch, trajectories: Trajectories | None, morphs: tuple[PlayedSound, ...]) -> PlayedSound:
        envelope, control = patch.settings.voice.envelope, partial(control_value, self.channels)
        sources = Sources(patch.sound, envelope, self._table, self.tempo, control, self.sample_rate_hz)
        return PlayedSound(patch, sources, self._latents, trajectories, morphs)

    def _morphs(self, morph: PlayedMorph) -> tuple[PlayedSound, ...]:
        """The sounds of all steps of a morph. Sounds with the same trajectories share the trajectories' tables."""
        patches = [blended(morph.patches, weights.tolist()) for weights in steps(morph)]
        alike: dict[int, list[Patch]] = {}
        for patch in patches:
            alike.setdefault(id(patch.trajectories), []).append(patch)
        shared = {key: self._trajectories(group) for key, group in alike.items()}
        return tuple(self._played(patch, shared[id(patch.trajectories)], ()) for patch in patches)

    def _trajectories(self, patches: Sequence[Patch]) -> Trajectories | None:
        played = patches[0].trajectories
        if not played:
            return None
        modulated = any(each.target in PLAYHEAD_TARGETS for patch in patches for each in patch.sound.modulation)
        trajectories = Trajectories(played, self._latents, self._n_lanes, self.sample_rate_hz, modulated)
        self._even_out(trajectories, patches[0])
        return trajectories


def control_value(channels: Channels, name: str, voice: Voice) -> float:
    """For a voice, the value (0 to 1) of a source that the player moves.

    name: the source's name.
    """
    number = control_of(name)
    if number is not None:
        return channels.highest(voice.channel, lambda channel: channel.controls[number]) / 127.0
    if name == "pressure":
        key = channels[voice.channel].key_pressure.get(voice.note, 0)
        return min(127, channels.highest(voice.channel, lambda channel: channel.pressure) + key) / 127.0
    if name == "expression":
        return channels.expression(voice.channel)
    if name == "slide":
        return channels[voice.channel].slide / 127.0
    return channels.highest(voice.channel, lambda channel: getattr(channel, name)) / 127.0
