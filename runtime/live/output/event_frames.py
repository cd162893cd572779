"""Decides at which frame of the engine a live event is heard."""

from __future__ import annotations

from runtime.audio.clock import GRID_FRAMES, EngineClock
from runtime.events import Clock, ClockContinue, ClockStart, ClockStop, Event, NoteOff, NoteOn

# Notes that arrive less than this (2.2 ms at 44.1 kHz) after a chord's first note belong to the chord. Through a MIDI
# cable, a note takes 0.6 to 1 ms, so only 3 or 4 notes can arrive in this time. Over USB, many can.
CHORD_FRAMES = 3 * GRID_FRAMES
# The block in which notes begin has the most work of all, and a chord of 16 notes can make it late. That is heard as a
# click. But nobody hears that half of a chord begins one buffer after the other half. So in each block begin at most
# one note for each _FRAMES_A_NOTE frames, or _FEWEST_AT_ONCE notes if that is more.
_FRAMES_A_NOTE, _FEWEST_AT_ONCE = 32, 8
_CLOCKS = (Clock, ClockStart, ClockContinue, ClockStop)


def most_at_once(buffer_frames: int) -> int:
    """How many notes of a chord begin together at most; the next ones begin one buffer later."""
    return max(_FEWEST_AT_ONCE, buffer_frames // _FRAMES_A_NOTE)


class EventFrames:
    """Gives frames to the live events of one output after another; each output has its own clock."""

    def __init__(self) -> None:
        # The frame of the newest event but for what puts it off: a clock after a large chord keeps its time.
        self._newest = 0
        self._newest_played = self._newest_note = 0  # the frames of the newest event but clocks, and of the newest note
        self._chord = -CHORD_FRAMES  # the frame of the newest chord's first note
        self._n_at_once = 0  # how many notes begin at the frame of the newest note

    def keep_before(self, most: int) -> None:
        """Forget frames after `most`; call this when another output begins.

        A new rack begins at frame 0, and the frames of the old rack's events would be far ahead.
        """
        self._newest, self._newest_played = min(self._newest, most), min(self._newest_played, most)
        self._newest_note, self._chord = min(self._newest_note, most), min(self._chord, most)

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
        if isinstance(event, NoteOff):
            earliest = max(earliest, self._newest_note + GRID_FRAMES)
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
        """The frame at which a note begins: `frame`, or one buffer later if enough notes begin there already."""
        self._n_at_once = self._n_at_once + 1 if frame == self._newest_note else 1
        if self._n_at_once > most_at_once(clock.buffer_frames):
            later = clock.frame_at(arrival_s, frame + clock.buffer_frames)
            frame, self._n_at_once = max(frame, later), 1
        self._newest_note = frame
        return frame
