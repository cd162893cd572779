"""Limits the voices of all parts together: ends voices to make room for new notes."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engine.engine import Engine
from runtime.events import EndVoice, Event, NoteOn, PartChange, Swap, VoiceLimit
from runtime.rack.parts import Part
from runtime.rack.voice_share import VoiceShare


class VoiceRoom:
    """Limits the number of voices of all parts together.

    leaving: replaced parts, whose notes ring out.
    n_voices: the highest limit; the event VoiceLimit sets a lower one.
    """

    def __init__(self, parts: Sequence[Part], leaving: Sequence[Part], n_voices: int):
        self._parts, self._leaving = parts, leaving
        self._limit = self._n_voices = n_voices
        # A piece is a stretch of frames within a block. All engines render it in one call.
        self._share: VoiceShare | None = None  # counts the voices in this piece; None until a count is needed
        self._begun: list[Engine] = []  # the engine of each note that begins in this piece
        self._n_voices_at_most = 0

    def begin_piece(self) -> None:
        """Begin a piece of rendering; all engines must have been rendered up to the piece's first frame."""
        self._share = None
        self._begun.clear()
        self._n_voices_at_most = sum(engine.status.n_active_voices for engine in self._engines())

    def end_piece(self) -> None:
        """Forget the counted engines. If a last reference to an engine stayed here, the audio thread would free it."""
        self._share = None
        self._begun.clear()

    def needs_exact_frame(self, events: Sequence[Event]) -> bool:
        """Whether all engines must be rendered up to the frame of these events before the events are handed out."""
        if any(isinstance(event, (PartChange, Swap)) for event in events):
            return True
        if self.shares_alone():
            return False
        n_notes = sum(isinstance(event, NoteOn) for event in events)
        may_exceed = n_notes > 0 and self._n_voices_at_most + n_notes * len(self._parts) > self._limit
        return may_exceed or any(isinstance(event, VoiceLimit) for event in events)

    def shares_alone(self) -> bool:
        """Whether there is only one engine. A single engine keeps to the limit of voices by itself."""
        return len(self._parts) == 1 and not self._leaving and not self._parts[0].leaving

    def admit(self, engine: Engine, frame: int) -> None:
        """Make room for a note that is about to begin on an engine."""
        self._make_room(engine, frame)
        self._n_voices_at_most += 1
        self._begun.append(engine)

    def limit(self, event: VoiceLimit, frame: int) -> None:
        """Apply a VoiceLimit: end the voices beyond the limit; a single engine ends them itself."""
        self._limit = max(1, min(event.n_voices, self._n_voices))
        if not self.shares_alone():
            share = self._shared()
            while share.n_voices > self._limit:
                share.end_one().post(EndVoice(), frame)

    def _make_room(self, engine: Engine, frame: int) -> None:
        """End the most dispensable voice of all parts if a note on this engine would exceed the limit."""
        if self.shares_alone() or (self._share is None and self._n_voices_at_most < self._limit):
            return
        share = self._shared()
        if share.adds(engine) and share.n_voices >= self._limit:
            owner = share.end_one()
            # If this voice is of the note's own engine, and that engine is at the limit, it ends the voice by itself.
            if owner is not engine or engine.status.n_active_voices < self._limit:
                owner.post(EndVoice(), frame)
        share.start(engine)

    def _shared(self) -> VoiceShare:
        if self._share is None:
            self._share = VoiceShare(self._engines())
            for engine in self._begun:
                self._share.start(engine)
        return self._share

    def _engines(self) -> list[Engine]:
        return [engine for part in (*self._leaving, *self._parts) for engine in part.engines()]
