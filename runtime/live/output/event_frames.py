"""Decides at which frame of the engine a live event is heard."""

from __future__ import annotations

from runtime.audio.clock import GRID_FRAMES, EngineClock
from runtime.events import Clock, ClockContinue, ClockStart, ClockStop, Event, NoteOff, NoteOn

# Notes that arrive less than this (2.2 ms at 44.1 kHz) after a chord's first note belong to the chord. Through a MIDI
# cable, a note takes 0.6 to 1 ms, so only 3 or 4 notes can arrive in this time. Over USB, many can.
CHORD_FRAMES = 3 * GRID_FRAMES
# A block in which notes begin has the most work of all, and 16 new notes can make it late. That is heard as a click.
# But nobody hears that half of a chord begins one buffer after the other half. So in the time of one buffer at most
# _ALWAYS_AT_ONCE notes begin, or one for every _FRAMES_A_NOTE frames of the buffer if that is more.
_ALWAYS_AT_ONCE, _FRAMES_A_NOTE = 8, 32
_CLOCKS = (Clock, ClockStart, ClockContinue, ClockStop)


def most_at_once(buffer_frames: int) -> int:
    """How many notes begin at most in the time of one buffer; the next ones of a chord begin one buffer later."""
    return max(_ALWAYS_AT_ONCE, buffer_frames // _FRAMES_A_NOTE)


class EventFrames:
    """Gives frames to the live events of one output after another; each output has its own clock."""

    def __init__(self) -> None:
        # The newest event's frame, if no event were put off: a clock after a large chord keeps its time.
        self._newest = 0
        self._newest_played = 0  # the frame of the newest event but clocks
        self._chord = -CHORD_FRAMES  # the frame of the newest chord's first note
        self._notes: list[int] = []  # the frames of the newest notes, ascending

    def keep_before(self, most: int) -> None:
        """Forget frames after `most`; call this when another output begins.

        A new rack begins at frame 0, and the frames of the old rack's events would be far ahead.
        """
        self._newest, self._newest_played = min(self._newest, most), min(self._newest_played, most)
        self._notes, self._chord = [min(frame, most) for frame in self._notes], min(self._chord, most)

    def frame_at(self, event: Event, arrival_s: float, clock: EngineClock | None) -> int | None:
        """The engine's frame at which an event will be heard; None before the first output plays.

        arrival_s: when the event arrived, by `time.perf_counter()`.
        clock: the present output's; None if there has been no output.

        No event's frame is before the previous event's frame, because a release before its key press would leave the
        note on. The frame is rounded to a multiple of GRID_FRAMES, unless the event is a `Clock`. The notes of a chord
        begin together, even if wheels, controls or clocks come between them: what comes so soon after a chord's first
        note gets the frame of the event before it. But the notes of a large chord begin in several blocks
        (`most_at_once`). Only clocks keep their own frames, so a chord's next note may be before a clock that came
        earlier. A release is at least GRID_FRAMES after the newest note, so that a key is heard even if it is released
        at once.
        """
        frame = clock.frame_at(arrival_s, self._newest, isinstance(event, Clock)) if clock else None
        if frame is None:
            return max(self._newest, self._newest_played) or None
        if isinstance(event, _CLOCKS):
            self._newest = frame
            return frame
        earliest = max(frame, self._newest_played)
        if isinstance(event, NoteOff) and self._notes:
            earliest = max(earliest, self._notes[-1] + GRID_FRAMES)
        played = clock.frame_at(arrival_s, earliest)
        if played - self._chord < CHORD_FRAMES and not isinstance(event, NoteOff):
            played = self._newest_played
        elif isinstance(event, NoteOn):
            self._chord = played
        if isinstance(event, NoteOn):
            played = self._note_at(played, arrival_s, clock)
        self._newest, self._newest_played = max(self._newest, min(frame, played)), played
        return played

    def _note_at(self, frame: int, arrival_s: float, clock: EngineClock) -> int:
        """The frame at which a note begins: `frame`, or later if enough notes begin less than a buffer before it."""
        most = most_at_once(clock.buffer_frames)
        self._notes = self._notes[-most:]
        free = self._notes[0] + clock.buffer_frames if len(self._notes) == most else frame
        if free > frame:
            on_grid = -(-free // GRID_FRAMES) * GRID_FRAMES
            frame = max(frame, clock.frame_at(arrival_s, on_grid))
        self._notes.append(frame)
        return frame
