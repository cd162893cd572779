"""The sounds that come with an instrument, as recipes: a timbre and settings for each.

A recipe names no knob, since each decoder has other knobs. In a target `latent.NAME` and in a trajectory, it names one
of DESCRIPTORS (training/hearing/descriptors.py) instead. The sound gets the knob that moves this descriptor most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runtime.sound.motion import DelayedEnvelope, Lfo, Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound, SoundEnvelope, SoundVoice
from runtime.sound.trajectory.use import SoundTrajectory, WrittenTrajectory


class Recipe(NamedTuple):
    """One sound.

    name: the sound's name; in lower case, it is part of the file's name.
    about: a description of the sound.
    timbre: the wanted rank of some descriptors, as in `Timbres.positions`.
    sound: the sound without name, instrument, knob positions and level.
    moves: whether a held note must change.
    falls: whether a held note must become softer, like a struck string.
    brightens: whether a harder struck note must be brighter.
    notes: MIDI notes at which the sound is measured.
    """

    name: str
    about: str
    timbre: Mapping[str, float]
    sound: Sound
    moves: bool = True
    falls: bool = False
    brightens: bool = False
    notes: tuple[int, ...] = (48, 60, 72)

    @property
    def plays_alone(self) -> bool:
        """Whether it plays one note at a time."""
        return self.sound.voice is not None and self.sound.voice.mode in ("mono", "legato")


def _move(source: str, target: str, amount: float, curve: float = 0.0, scaled_by: str | None = None) -> Modulation:
    return Modulation(source, target, amount, curve, scaled_by)


RECIPES = (
    Recipe("Paper, steady", "a plain tone: nothing moves", {}, Sound(), moves=False),
    Recipe(
        "Round bass",
        "one note at a time; a soft pluck of the filter",
        {"brightness": 0.6, "body": 0.6, "noise": 0.1},
        Sound(
            phase_blend=1.0,
            voice=SoundVoice(mode="legato", portamento_s=0.04),
            envelope=SoundEnvelope(attack_s=0.004, decay_s=0.5, sustain=0.75, release_s=0.12),
            envelope_2=DelayedEnvelope(decay_s=0.6, sustain=0.0),
            modulation=(_move("velocity", "filter.cutoff", 0.25),),
            filter=Filter("low", 220.0, 24, 6.0, 0.6, 3.0),
        ),
        brightens=True,
        notes=(36, 41, 48),
    ),
    Recipe(
        "Glass pluck",
        "plucked, clear, soon gone",
        {"brightness": 0.85, "hollowness": 0.7, "noise": 0.1},
        Sound(
            phase_blend=1.0,
            envelope=SoundEnvelope(attack_s=0.002, decay_s=2.2, sustain=0.0, release_s=0.5),
            envelope_2=DelayedEnvelope(decay_s=0.8),
            modulation=(_move("velocity", "filter.cutoff", 0.3), _move("random", "pan", 0.3)),
            filter=Filter("low", 400.0, 24, 3.0, 0.8, 2.5),
            width=0.3,
        ),
        falls=True,
        brightens=True,
    ),
    Recipe(
        "Struck bell",
        "bright when struck, then ever darker",
        {"hollowness": 0.95, "brightness": 0.7, "noise": 0.1},
        Sound(
            phase_blend=0.9,
            envelope=SoundEnvelope(attack_s=0.002, decay_s=3.2, sustain=0.0, release_s=2.0),
            envelope_2=DelayedEnvelope(decay_s=1.8, release_s=1.0),
            modulation=(_move("velocity", "filter.cutoff", 0.3), _move("random", "pan", 0.4)),
            filter=Filter("low", 420.0, 12, 0.0, 0.7, 3.0),
            tilt_db_per_octave=1.0,
            formant_semitones=5.0,
            width=0.4,
        ),
        falls=True,
        brightens=True,
    ),
    Recipe(
        "Slow pad",
        "comes and goes slowly; every note drifts by itself",
        {"brightness": 0.6, "noise": 0.6, "body": 0.3},
        Sound(
            phase_blend=0.3,
            envelope=SoundEnvelope(attack_s=0.9, decay_s=1.0, sustain=0.9, release_s=1.8, curve=0.0),
            envelope_2=DelayedEnvelope(attack_s=2.0, sustain=1.0, release_s=2.0, curve=0.0),
            lfo_1=Lfo("smooth_random", 0.5, per_voice=True),
            lfo_2=Lfo("sine", 0.13),
            modulation=(
                _move("lfo_1", "latent.hollowness", 0.4),
                _move("lfo_2", "latent.brightness", 0.2),
                _move("mod_wheel", "filter.cutoff", 0.25),
            ),
            filter=Filter("low", 450.0, 12, 0.0, 0.5, 3.0),
            bandwidth_cents=25.0,
            width=0.8,
        ),
    ),
    Recipe(
        "Singing lead",
        "one note at a time; press the key to open it",
        {"brightness": 0.7, "hollowness": 0.4, "noise": 0.05},
        Sound(
            phase_blend=1.0,
            voice=SoundVoice(mode="legato", portamento_s=0.07),
            envelope=SoundEnvelope(attack_s=0.02, sustain=1.0, release_s=0.25),
            envelope_2=DelayedEnvelope(attack_s=0.03, decay_s=1.2, sustain=0.0),
            lfo_1=Lfo("sine", 5.5, delay_s=0.3, fade_in_s=0.6, phase="note"),
            modulation=(
                _move("velocity", "filter.cutoff", 0.25),
                _move("pressure", "filter.cutoff", 0.3),
                _move("lfo_1", "pitch", 0.02),
                _move("lfo_1", "level", 0.02),
            ),
            filter=Filter("low", 500.0, 24, 5.0, 0.8, 2.0),
            width=0.2,
        ),
        brightens=True,
    ),
    Recipe(
        "Choir of breath",
        "voices that open from ooh to aah, the same for low and high notes",
        {"noise": 0.8, "body": 0.5, "brightness": 0.6},
        Sound(
            phase_blend=0.0,
            envelope=SoundEnvelope(attack_s=0.25, decay_s=0.5, sustain=0.9, release_s=0.7),
            envelope_2=DelayedEnvelope(attack_s=1.2, sustain=1.0, release_s=0.7, curve=0.0),
            lfo_1=Lfo("smooth_random", 0.9, per_voice=True),
            lfo_2=Lfo("sine", 5.0, delay_s=0.3, fade_in_s=1.0, per_voice=True),
            modulation=(
                _move("lfo_1", "filter.cutoff", 0.1),
                _move("lfo_2", "pitch", 0.012),
                _move("mod_wheel", "filter.cutoff", 0.15),
            ),
            filter=Filter("band", 480.0, 12, 6.0, 0.1, 0.9),
            formant_semitones=-3.0,
            bandwidth_cents=30.0,
            width=0.6,
        ),
    ),
    Recipe(
        "Pulse in time",
        "eighth notes by itself, each of another colour, at the tempo of the piece or of a MIDI clock, else 120",
        {"brightness": 0.8, "noise": 0.3},
        Sound(
            phase_blend=0.8,
            envelope=SoundEnvelope(attack_s=0.003, sustain=1.0, release_s=0.2),
            lfo_1=Lfo("square", beats=0.5, phase="note"),
            lfo_2=Lfo("random", beats=0.5, phase="note"),
            modulation=(
                _move("lfo_1", "level", 0.25),
                _move("lfo_2", "filter.cutoff", 0.25),
                _move("velocity", "filter.cutoff", 0.15),
            ),
            filter=Filter("low", 800.0, 24, 8.0, 0.5),
            width=0.4,
        ),
    ),
    Recipe(
        "Electric piano",
        "soft keys are round, hard keys bark; sways from side to side",
        {"body": 0.8, "brightness": 0.5, "noise": 0.1},
        Sound(
            phase_blend=1.0,
            envelope=SoundEnvelope(attack_s=0.002, decay_s=3.6, sustain=0.0, release_s=0.3),
            envelope_2=DelayedEnvelope(decay_s=0.7),
            lfo_1=Lfo("sine", 4.3),
            modulation=(
                _move("velocity", "filter.cutoff", 0.4, 0.2),
                _move("lfo_1", "pan", 0.5),
            ),
            filter=Filter("low", 350.0, 12, 2.0, 0.8, 1.5),
        ),
        falls=True,
        brightens=True,
    ),
    Recipe(
        "Drawbar organ",
        "as loud however you strike; turns slowly, and faster with the wheel",
        {"body": 0.7, "brightness": 0.5, "noise": 0.05},
        Sound(
            phase_blend=1.0,
            voice=SoundVoice(velocity_db_per_decade=0.0),
            envelope=SoundEnvelope(attack_s=0.004, sustain=1.0, release_s=0.06),
            lfo_1=Lfo("sine", 0.6),
            lfo_2=Lfo("sine", 6.3, depth_from="mod_wheel"),
            modulation=(
                _move("lfo_1", "width", 0.5),
                _move("lfo_1", "latent.brightness", 0.3),
                _move("lfo_1", "tilt", 0.06),
                _move("lfo_2", "level", 0.08),
                _move("lfo_2", "pan", 0.4),
            ),
            odd_even_db=9.0,
            width=0.5,
        ),
    ),
    Recipe(
        "Slow strings",
        "bowed; the vibrato comes later",
        {"brightness": 0.8, "noise": 0.4, "hollowness": 0.3},
        Sound(
            phase_blend=0.2,
            envelope=SoundEnvelope(attack_s=0.35, decay_s=0.5, sustain=0.95, release_s=0.5, curve=0.5),
            envelope_2=DelayedEnvelope(attack_s=1.4, sustain=1.0, release_s=0.6, curve=0.0),
            lfo_1=Lfo("sine", 5.2, delay_s=0.4, fade_in_s=1.0, per_voice=True),
            lfo_2=Lfo("smooth_random", 0.8, per_voice=True),
            modulation=(
                _move("velocity", "filter.cutoff", 0.2),
                _move("lfo_1", "pitch", 0.02),
                _move("lfo_2", "latent.brightness", 0.15),
            ),
            filter=Filter("low", 600.0, 12, 0.0, 0.6, 2.0),
            bandwidth_cents=18.0,
            width=0.6,
        ),
        brightens=True,
    ),
    Recipe(
        "Brass swell",
        "the second envelope opens the filter; expression closes it",
        {"brightness": 0.9, "noise": 0.1, "hollowness": 0.4},
        Sound(
            phase_blend=0.8,
            envelope=SoundEnvelope(attack_s=0.06, sustain=1.0, release_s=0.2),
            envelope_2=DelayedEnvelope(attack_s=0.7, decay_s=1.0, sustain=0.8, release_s=0.3, curve=0.0),
            modulation=(_move("velocity", "filter.cutoff", 0.2), _move("expression", "filter.cutoff", 0.2)),
            filter=Filter("low", 110.0, 24, 3.0, 1.0, 2.5),
            bandwidth_cents=6.0,
            width=0.3,
        ),
        brightens=True,
    ),
    Recipe(
        "Drawn path",
        "a trajectory: the knobs go a way that was drawn by hand; the wheel hurries",
        {"noise": 0.3, "body": 0.4},
        Sound(
            phase_blend=0.6,
            envelope=SoundEnvelope(attack_s=0.01, sustain=1.0, release_s=0.6),
            modulation=(_move("mod_wheel", "trajectory.speed", 0.5),),
            width=0.4,
            trajectory=SoundTrajectory(
                inline=WrittenTrajectory(
                    step_s=0.2,
                    latents={
                        "brightness": [1.0, 0.6, 0.2, 0.5, 0.1, 0.0, 0.3, 0.8],
                        "hollowness": [0.0, 0.2, 0.9, 0.1, 0.8, 1.0, 0.4, 0.1],
                    },
                    replaces_knobs=True,
                    level_db=[0.0, -2.0, -1.0, -3.0, 0.0, -2.0, -3.0, -1.0],
                    attack_s=0.2,
                    loop_s=(0.2, 1.4),
                ),
                direction="ping_pong",
            ),
        ),
    ),
    Recipe(
        "Wild garden",
        "every note wanders by itself through all knobs but the noise",
        {"brightness": 0.5, "hollowness": 0.5, "body": 0.5, "noise": 0.4},
        Sound(
            phase_blend=0.5,
            envelope=SoundEnvelope(attack_s=0.03, sustain=1.0, release_s=0.9),
            lfo_1=Lfo("smooth_random", 2.2, per_voice=True),
            lfo_2=Lfo("smooth_random", 1.3, phase="note"),
            modulation=(
                _move("lfo_1", "latent.brightness", 0.5),
                _move("lfo_1", "latent.body", -0.5),
                _move("lfo_2", "latent.hollowness", 0.5),
                _move("lfo_2", "tilt", 0.3),
                _move("random", "pan", 0.5),
            ),
            width=0.5,
        ),
    ),
)
