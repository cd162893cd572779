"""Collects a piece's events, timed in beats, and makes a MIDI file of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

from runtime.acoustics.pitch import parse_note

TICKS_PER_BEAT = 96
RAMP_STEP_BEATS = 1.0 / 12.0
# Messages at the same tick are sorted in this order.
_OFF, _CONTROL, _ON = range(3)


class Score:
    """A piece at one tempo. Times and lengths are in beats. Channels are numbered from 0.

    programs: the program number of each sound, by its name.
    """

    def __init__(self, name: str, beats_per_minute: float, programs: Mapping[str, int]):
        self._programs = programs
        self._events: list[tuple[int, int, int, Message | MetaMessage]] = []
        self._add(0.0, _CONTROL, MetaMessage("track_name", name=name))
        self._add(0.0, _CONTROL, MetaMessage("set_tempo", tempo=bpm2tempo(beats_per_minute)))

    def play(self, sound: str, notes: Iterable[tuple[float, float, str, int]], channel: int = 0) -> None:
        """Add notes for a sound to play.

        If notes of two calls begin at the same tick, those of the earlier call come first.

        notes: (start, length, names of the notes, velocity) for each note or chord.
        """
        for start, length, names, velocity in notes:
            program = Message("program_change", channel=channel, program=self._programs[sound])
            self._add(start, _ON, program)
            for note in map(parse_note, names.split()):
                self._add(start, _ON, Message("note_on", channel=channel, note=note, velocity=velocity))
                self._add(start + length, _OFF, Message("note_off", channel=channel, note=note))

    def control(self, beat: float, control: int, value: int, channel: int = 0) -> None:
        """Set a control to a value."""
        self._add(beat, _CONTROL, Message("control_change", channel=channel, control=control, value=value))

    def ramp(self, start: float, end: float, kind: int | str, values: tuple[int, int], channel: int = 0) -> None:
        """Move a control from one value to another in a straight line.

        kind: a control's number, "pressure", or "bend" for the pitch wheel.
        values: the value at `start` and the value at `end`.
        """
        before, n_steps = None, max(1, round((end - start) / RAMP_STEP_BEATS))
        for step in range(n_steps + 1):
            value = round(values[0] + (values[1] - values[0]) * step / n_steps)
            if value != before:
                self._add(start + (end - start) * step / n_steps, _CONTROL, _movement(kind, value, channel))
            before = value

    def file(self) -> MidiFile:
        """The piece as a MIDI file of one track."""
        track, now = MidiTrack(), 0
        for tick, _, _, message in sorted(self._events, key=lambda event: event[:3]):
            track.append(message.copy(time=tick - now))
            now = tick
        return MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])

    def _add(self, beat: float, rank: int, message: Message | MetaMessage) -> None:
        self._events.append((round(beat * TICKS_PER_BEAT), rank, len(self._events), message))


def _movement(kind: int | str, value: int, channel: int) -> Message:
    if kind == "pressure":
        return Message("aftertouch", channel=channel, value=value)
    if kind == "bend":
        return Message("pitchwheel", channel=channel, pitch=value)
    return Message("control_change", channel=channel, control=kind, value=value)
