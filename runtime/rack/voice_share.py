"""Decides which voice ends when a note would exceed the rack's limit, the most voices of all its parts together."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engine.engine import Engine


class VoiceShare:
    """The voices of several engines, in the order in which they end if there are too many.

    All engines must have been rendered up to the same frame. Released voices end before held voices. In each of these
    two groups, older voices end before newer voices.
    """

    def __init__(self, engines: Sequence[Engine]):
        sounding = [(voice, engine) for engine in engines for voice in engine.sounding()]
        order = {id(engine): number for number, engine in enumerate(engines)}
        sounding.sort(key=lambda of: (not of[0].released, of[0].started_at, order[id(of[1])], of[0].order))
        self._owners = [engine for _, engine in sounding]
        self._held = {id(engine) for voice, engine in sounding if not voice.released}

    @property
    def n_voices(self) -> int:
        return len(self._owners)

    def start(self, engine: Engine) -> None:
        """Count a note that begins on an engine; on a monophonic engine it replaces the held note."""
        if not self.adds(engine):
            newest = max(number for number, owner in enumerate(self._owners) if owner is engine)
            del self._owners[newest]
        self._owners.append(engine)
        self._held.add(id(engine))

    def adds(self, engine: Engine) -> bool:
        return not (engine.is_mono() and id(engine) in self._held)

    def end_one(self) -> Engine:
        """Remove the first voice in the order, and return its engine. The caller must let the engine end this voice."""
        return self._owners.pop(0)
