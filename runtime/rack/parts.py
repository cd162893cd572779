"""A part of the rack: an engine, the range of notes that it plays, and its level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from runtime.engine.engine import Engine
from runtime.engine.recorded.plain_state import given, taken
from runtime.events import (
    ChannelEvent,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PartChange,
    PhaseBlend,
    PolyTouch,
    ProgramChange,
    SoundChange,
    TargetMove,
)
from runtime.rack.glides import GLIDE_S, Glide
from runtime.sound.sound import Sound

EVERY_CHANNEL = -1
# These events change a part's present sound. A part's earlier engines, whose notes ring out, do not receive them.
_OF_PRESENT_SOUND = (KnobTurn, PhaseBlend, TargetMove, SoundChange, ProgramChange)


class PartSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which notes a part plays, and how loud; the fields are those of `PartChange`."""

    channel: int = EVERY_CHANNEL
    lowest_key: int = 0
    highest_key: int = 127
    lowest_velocity: int = 1
    highest_velocity: int = 127
    transpose: int = 0
    level_db: float = 0.0
    pan: float = 0.0
    send: float = 1.0

    @property
    def gains(self) -> tuple[float, float]:
        """The left and the right gain, by equal-power panning. With pan 0, each of them is the gain of level_db."""
        level, angle = 10.0 ** (self.level_db / 20.0), math.pi / 4.0 * (1.0 + self.pan)
        if not self.pan:
            return level, level
        return level * math.sqrt(2.0) * math.cos(angle), level * math.sqrt(2.0) * math.sin(angle)


class Playable(msgspec.Struct, frozen=True):
    """An engine that has not played yet, and the sound that it begins with."""

    engine: Engine
    sound: Sound = Sound()


class Part:
    """One part of the rack, with its engines and its gliding gains.

    engine: plays the next notes.
    sound: the sound with which `engine` began.
    leaving: earlier engines, whose notes ring out.
    gains: the gain of the left channel and of the right channel.
    sends: the gain of what the reverb gets and of what the chorus gets.
    """

    def __init__(self, playable: Playable, settings: PartSettings):
        self.engine, self.sound, self.settings = playable.engine, playable.sound, settings
        self.leaving: list[Engine] = []
        self._levels = playable.sound.effects.reverb, playable.sound.effects.chorus
        n_frames = round(GLIDE_S * self.engine.sample_rate_hz)
        self.gains = tuple(Glide(gain, n_frames) for gain in settings.gains)
        self.sends = tuple(Glide(level * settings.send, n_frames) for level in self._levels)
        self._held: dict[tuple[int, int], tuple[int, ...]] = {}  # for each held (channel, key), the notes that it began

    def engines(self) -> list[Engine]:
        """The part's engines, oldest first: the earlier ones, whose notes ring out, then the present one."""
        return [*self.leaving, self.engine]

    def hears(self, channel: int) -> bool:
        return self.settings.channel in (EVERY_CHANNEL, channel)

    def note_of(self, event: NoteOn) -> NoteOn | None:
        """Return the note that the part plays for a pressed key, or None if it plays none.

        The part remembers the note for the key's release.
        """
        limits, note = self.settings, event.note + self.settings.transpose
        plays = (
            self.hears(event.channel)
            and limits.lowest_key <= event.note <= limits.highest_key
            and limits.lowest_velocity <= event.velocity <= limits.highest_velocity
            and 0 <= note <= 127
        )
        if not plays:
            return None
        key = event.channel, event.note
        notes = self._held.get(key, ())
        if note not in notes:
            self._held[key] = *notes, note
        return event if note == event.note else msgspec.structs.replace(event, note=note)

    def take(self, event: Event, frame: int | None) -> bool:
        """Post an event to the part's engines; return False if the event does not concern the part.

        event: any event except a NoteOn.
        """
        if not isinstance(event, ChannelEvent):
            self._post(event, frame)
            return True
        if isinstance(event, (NoteOff, PolyTouch)):
            return self._follow_key(event, frame)
        if self.hears(event.channel):
            self._post(event, frame)
            return True
        return False

    def ring_out(self, event: Event, frame: int | None) -> None:
        """Do what `take` does, for a part that begins no more notes; events of _OF_PRESENT_SOUND are left out."""
        if not isinstance(event, _OF_PRESENT_SOUND):
            self.take(event, frame)

    def _follow_key(self, event: NoteOff | PolyTouch, frame: int | None) -> bool:
        """Post a key's event for each note that the key began, even if the part's settings have changed since."""
        key = event.channel, event.note
        if key not in self._held:
            if self.hears(event.channel):
                self._post(event, frame)
            return self.hears(event.channel)
        for note in self._held[key]:
            self._post(event if note == event.note else msgspec.structs.replace(event, note=note), frame)
        if type(event) is NoteOff:
            del self._held[key]
        return True

    def _post(self, event: Event, frame: int | None) -> None:
        self.engine.post(event, frame)
        if self.leaving and not isinstance(event, _OF_PRESENT_SOUND):
            for engine in self.leaving:
                engine.post(event, frame)

    def change(self, event: PartChange, frame: int) -> None:
        """Apply a change: levels glide, and the next notes follow the new ranges."""
        said = msgspec.structs.asdict(event)
        said = {key: value for key, value in said.items() if key != "part" and value is not None}
        self.settings = msgspec.structs.replace(self.settings, **said)
        for glide, gain in zip(self.gains, self.settings.gains, strict=True):
            glide.move(frame, gain)
        self._send(frame)

    def swap(self, playable: Playable, frame: int) -> None:
        """Let another engine play the next notes."""
        self.leaving.append(self.engine)
        self.engine, self.sound = playable.engine, playable.sound
        self.engine.start_at(frame)
        self._levels = playable.sound.effects.reverb, playable.sound.effects.chorus
        self._send(frame)

    def _send(self, frame: int) -> None:
        for glide, level in zip(self.sends, self._levels, strict=True):
            glide.move(frame, level * self.settings.send)

    def take_gone(self) -> list[Engine]:
        """Stop keeping those earlier engines that have become silent, and return them."""
        gone = [engine for engine in self.leaving if engine.is_silent]
        if gone:
            self.leaving = [engine for engine in self.leaving if engine not in gone]
        return gone

    def memory(self) -> dict[str, dict[str, Any]]:
        """Return the part's glides, send levels and held keys as plain values, from which `remember` restores them."""
        glides = {f"glide_{number}": taken(glide) for number, glide in enumerate((*self.gains, *self.sends))}
        return glides | {"part": {"levels": self._levels, "held": self._held.copy()}}

    def remember(self, memory: Mapping[str, dict[str, Any]]) -> None:
        for number, glide in enumerate((*self.gains, *self.sends)):
            given(glide, memory.get(f"glide_{number}", {}))
        said = memory.get("part", {})
        self._levels = tuple(said.get("levels", self._levels))
        self._held.update(said.get("held", {}))

    def render(self, out: np.ndarray, scratch: np.ndarray) -> None:
        """Fill `out` with the part's sound, multiplied by the part's gains.

        scratch: working memory.
        Both arrays are float32 (n_frames, 2).
        """
        frame = self.engine.frame
        self.engine.render(out)
        for engine in self.leaving:
            engine.render(scratch)
            out += scratch
        for side, glide in enumerate(self.gains):
            if not glide.rests(frame):
                glide.fill(scratch[:, 0], frame)
                out[:, side] *= scratch[:, 0]
            elif glide.target != 1.0:
                out[:, side] *= np.float32(glide.target)

    def send(self, sound: np.ndarray, frame: int, buses: np.ndarray, fed: list[bool], scratch: np.ndarray) -> None:
        """Add the part's sound to the input of each effect, multiplied by the gain of the part's send to this effect.

        sound: the part's sound, float32 (n_frames, 2).
        frame: number of the sound's first frame.
        buses: the inputs of the reverb and the chorus, (2, n_frames, 2).
        fed: for each of these inputs, whether it has sound. The contents of an input without sound are undefined. The
            first sound that is added to an input overwrites them, and the input's entry in `fed` becomes True.
        scratch: working memory, shaped like `sound`.
        """
        changes = self.engine.take_sends()
        if changes:
            self._levels = changes[-1][1:]
        for number, (glide, bus) in enumerate(zip(self.sends, buses, strict=True)):
            if glide.rests(frame) and not changes and not glide.target:
                continue
            if not fed[number]:
                bus.fill(0.0)
                fed[number] = True
            if glide.rests(frame) and not changes:
                np.multiply(sound, np.float32(glide.target), out=scratch)
                bus += scratch
                continue
            targets = [(change[0], change[1 + number] * self.settings.send) for change in changes]
            glide.fill(scratch[:, 0], frame, targets)
            scratch[:, 1] = scratch[:, 0]
            scratch *= sound
            bus += scratch


def chooses_for_all(parts: Sequence[Part]) -> bool:
    """Whether a program change replaces all parts: if there are several parts, and none has its own MIDI channel."""
    return len(parts) > 1 and all(part.settings.channel == EVERY_CHANNEL for part in parts)
