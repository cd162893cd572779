"""What the engine's tests play with: the tiny decoders, and a player with ears."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from runtime.acoustics.pitch import hz_to_note, note_to_hz
from runtime.config import Adsr, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn
from runtime.instrument.decoder import Decoder
from tests.support.hearing import level_db
from tests.support.places import DATA

SAMPLE_RATE_HZ = 44100
RELEASE_S = 0.03
# Long enough for a release, whatever the attack.
ENDED_S = 2 * RELEASE_S
SHORT = Adsr(attack_s=0.0, release_s=RELEASE_S)
# Far enough apart to tell them from one another by their fundamentals.
APART = (48, 55, 60, 64, 67, 71, 74, 77, 80, 83)


@functools.cache
def decoder(name: str = "tiny") -> Decoder:
    """One of tests/data's instruments."""
    return Decoder(DATA / f"{name}.onnx")


def play(
    engine: Engine, events: Sequence[tuple[int, Event]], n_frames: int, blocks: Sequence[int] = (512,)
) -> np.ndarray:
    """Post all events at their frames, then render in these block sizes, over and over: float32 (n_frames, 2)."""
    for frame, event in events:
        engine.post(event, frame)
    sound = np.zeros((n_frames, 2), np.float32)
    done = turn = 0
    while done < n_frames:
        n = min(blocks[turn % len(blocks)], n_frames - done)
        engine.render(sound[done : done + n])
        done, turn = done + n, turn + 1
    return sound


def parameter(channel: int, number: int, value: int) -> list[Event]:
    """A registered parameter's coarse value, as a keyboard sends it."""
    return [ControlChange(channel, 101, 0), ControlChange(channel, 100, number), ControlChange(channel, 6, value)]


class Player:
    """Someone at a keyboard: sends events, listens for a while, sends more.

    Notes sound as their fundamentals alone unless `knobs` say otherwise. Engine arguments pass through; `mode` and
    the like go to the voice's settings.
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
        config = VoiceConfig(**{"n_voices": n_voices, "envelope": SHORT, **voice})
        self.engine = Engine(decoder(instrument), sample_rate_hz=sample_rate_hz, seed=seed, voice=config, **settings)
        self.send(*(KnobTurn(latent, position) for latent, position in enumerate(knobs)))

    def send(self, *events: Event) -> Player:
        """Events for the next frame."""
        for event in events:
            self.engine.post(event)
        return self

    def hear(self, duration_s: float = ENDED_S) -> np.ndarray:
        """The next sound, both sides: float32 (n_frames, 2)."""
        sound = np.zeros((round(duration_s * self.engine.sample_rate_hz), 2), np.float32)
        self.engine.render(sound)
        return sound

    def notes(self, duration_s: float = 0.3) -> list[int]:
        """Which of APART sound after all that ends has ended."""
        self.hear(ENDED_S)
        return notes_in(self.hear(duration_s)[:, 0])

    def level_db(self, duration_s: float = 1.0) -> float:
        """How loud the left side is, once it is steady."""
        self.hear(ENDED_S)
        return level_db(self.hear(duration_s)[:, 0])

    @property
    def n_active(self) -> int:
        """Voices that sound."""
        return self.engine.status.n_active_voices


def notes_in(sound: np.ndarray) -> list[int]:
    """Which of APART are in a mono sound of fundamentals alone, at -45 dBFS or more."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2 * (8.0 / 3.0) / len(sound) ** 2 * 2.0
    frequency_hz = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE_HZ)
    near = {note: np.abs(frequency_hz - note_to_hz(note)) < 12.0 for note in APART}
    return [note for note in APART if spectrum[near[note]].sum() > 10.0 ** (-45.0 / 10.0)]


def centroid_note(sound: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """The pitch of a mono sound of one fundamental alone, a fractional MIDI note: its spectrum's centre of power."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return float(hz_to_note(np.average(np.fft.rfftfreq(len(sound), 1.0 / sample_rate_hz), weights=power)))
