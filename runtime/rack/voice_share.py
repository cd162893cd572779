"""The limit on the voices of all parts together: which voice ends when a note would exceed it."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engine.engine import Engine


class VoiceShare:
    """The voices of several engines at one frame, up to which all of them have been rendered.

    Dispensable are released voices before held ones, then older before newer, as within one engine. All that is decided
    follows from events and frames alone.
    """

    def __init__(self, engines: Sequence[Engine]):
        sounding = [(voice, engine) for engine in engines for voice in engine.sounding()]
        order = {id(engine): number for number, engine in enumerate(engines)}
        sounding.sort(key=lambda of: (not of[0].released, of[0].started_at, order[id(of[1])], of[0].order))
        self._owners = [engine for _, engine in sounding]
        self._held = {id(engine) for voice, engine in sounding if not voice.released}

    @property
    def n_voices(self) -> int:
        """How many voices sound."""
        return len(self._owners)

    def start(self, engine: Engine) -> None:
        """A note begins on an engine; one of a mono sound takes the place of the held one."""
        if not self.adds(engine):
            newest = max(number for number, owner in enumerate(self._owners) if owner is engine)
            del self._owners[newest]
        self._owners.append(engine)
        self._held.add(id(engine))

    def adds(self, engine: Engine) -> bool:
        """Whether a note on this engine is one voice more."""
        return not (engine.is_mono() and id(engine) in self._held)

    def end_one(self) -> Engine:
        """Choose the most dispensable voice; returns its engine, which must end it."""
        return self._owners.pop(0)
