"""Plays the engine in tests, and detects the notes in the sound."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from runtime.acoustics.pitch import hz_to_note, note_to_hz
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn
from runtime.instrument.decoder import Decoder
from tests.support.hearing import level_db
from tests.support.places import DATA

SAMPLE_RATE_HZ = 44100
RELEASE_S = 0.03
# Every note has ended by this many seconds after its release.
ENDED_S = 2 * RELEASE_S
SHORT = Adsr(attack_s=0.0, release_s=RELEASE_S)
# Notes far enough apart that `notes_in` can tell their fundamentals apart.
APART = (48, 55, 60, 64, 67, 71, 74, 77, 80, 83)


@functools.cache
def decoder(name: str = "tiny") -> Decoder:
    return Decoder(DATA / f"{name}.onnx")


def play(
    engine: Engine, events: Sequence[tuple[int, Event]], n_frames: int, blocks: Sequence[int] = (512,)
) -> np.ndarray:
    """Post all events, then render the sound; returns float32 (n_frames, 2).

    events: (frame, event).
    blocks: sizes of the rendered blocks, used in rotation.
    """
    for frame, event in events:
        engine.post(event, frame)
    sound = np.zeros((n_frames, 2), np.float32)
    done = n_blocks = 0
    while done < n_frames:
        n = min(blocks[n_blocks % len(blocks)], n_frames - done)
        engine.render(sound[done : done + n])
        done, n_blocks = done + n, n_blocks + 1
    return sound


def parameter(channel: int, number: int, value: int) -> list[Event]:
    """The control changes that set the coarse value of a registered parameter (RPN)."""
    return [ControlChange(channel, 101, 0), ControlChange(channel, 100, number), ControlChange(channel, 6, value)]


class Player:
    """Makes an engine, sends it events, and renders its sound.

    knobs: positions, 0 to 1. At the default positions, each note sounds with its fundamental alone.
    settings: values for fields of VoiceConfig and Config.
    """

    def __init__(
        self,
        n_voices: int = 8,
        *,
        knobs: Sequence[float] = (0.0, 0.0),
        seed: int = 3,
        instrument: str = "tiny",
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        **settings,
    ):
        voice = {name: settings.pop(name) for name in VoiceConfig.__struct_fields__ if name in settings}
        config = Config(voice=VoiceConfig(n_voices=n_voices, **{"envelope": SHORT, **voice}), seed=seed, **settings)
        self.engine = Engine(decoder(instrument), sample_rate_hz=sample_rate_hz, config=config)
        self.send(*(KnobTurn(latent, position) for latent, position in enumerate(knobs)))

    def send(self, *events: Event) -> Player:
        for event in events:
            self.engine.post(event)
        return self

    def hear(self, duration_s: float = ENDED_S) -> np.ndarray:
        """Render the next duration_s seconds: float32 (n_frames, 2)."""
        sound = np.zeros((round(duration_s * self.engine.sample_rate_hz), 2), np.float32)
        self.engine.render(sound)
        return sound

    def notes(self, duration_s: float = 0.3) -> list[int]:
        """The notes of APART that sound after every released note has ended."""
        self.hear(ENDED_S)
        return notes_in(self.hear(duration_s)[:, 0])

    def level_db(self, duration_s: float = 1.0) -> float:
        """The left channel's level in dB, after every released note has ended."""
        self.hear(ENDED_S)
        return level_db(self.hear(duration_s)[:, 0])

    @property
    def n_active(self) -> int:
        return self.engine.status.n_active_voices


def notes_in(sound: np.ndarray) -> list[int]:
    """The notes of APART that a mono sound contains: those with a fundamental louder than -45 dB."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2 * (8.0 / 3.0) / len(sound) ** 2 * 2.0
    frequency_hz = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ)
    near = {note: np.abs(frequency_hz - note_to_hz(note)) < 12.0 for note in APART}
    return [note for note in APART if spectrum[near[note]].sum() > 10.0 ** (-45.0 / 10.0)]


def centroid_note(sound: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Pitch of a single sinusoid, as a fractional MIDI note: the centroid of the power spectrum."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return float(hz_to_note(np.average(np.fft.rfftfreq(len(sound), 1.0 / sample_rate_hz), weights=power)))
