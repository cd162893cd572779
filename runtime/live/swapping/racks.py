"""The racks that play, one after the other: what was chosen, what plays it, and when a rack that is left is freed."""

from __future__ import annotations

from collections.abc import Callable

from runtime.engine.build import warm_up
from runtime.engine.engine import Status
from runtime.live.present import renamed_part
from runtime.rack.build import build_chosen, with_positions
from runtime.rack.rack import Rack
from runtime.sound.choice import Choice


class Racks:
    """The rack that plays, on the main thread; the first one is built by `fit`.

    choice: the instrument of the first part, and the sounds that it was started with; wake: as in `Rack`.
    rack: plays now.
    """

    def __init__(self, choice: Choice, wake: Callable[[], object]):
        self.choice, self._wake = choice, wake
        self.rack: Rack | None = None
        self._n_past_notes = 0
        self._leaving: list[Rack] = []  # left in this round
        self._left: list[Rack] = []  # left in the round before

    @property
    def sample_rate_hz(self) -> int:
        """The rate of what plays."""
        return self.rack.sample_rate_hz

    @property
    def status(self) -> Status:
        """The state of what plays."""
        return self.rack.status

    @property
    def n_notes(self) -> int:
        """How many notes all racks have played."""
        return self._n_past_notes + self.rack.status.n_notes

    def choice_of(self, part: int) -> Choice:
        """What a part plays."""
        return self.choice.parts[part][1] if self.choice.parts else self.choice

    def swapped(self, part: int, choice: Choice) -> None:
        """Another choice plays a part from now on."""
        parts = list(self.choice.parts)
        if parts:
            parts[part] = renamed_part(parts[part][0], choice.patch, choice.instrument), choice
            choice = parts[0][1]
        self.choice = choice._replace(parts=tuple(parts), whole=self.choice.whole)

    def take(self, choice: Choice, rack: Rack) -> None:
        """Let another rack play what was chosen."""
        self._leave()
        self.choice, self.rack = choice, rack

    def fit(self, sample_rate_hz: int) -> bool:
        """Keep the rack if it has this rate; else build another; returns whether another was built."""
        if self.rack is not None and self.rack.sample_rate_hz == sample_rate_hz:
            return False
        self._build(sample_rate_hz)
        return True

    def renew(self) -> None:
        """Build the rack again, because what it remembers is spoilt."""
        self._build(self.rack.sample_rate_hz)

    def free_left(self) -> None:
        """Free the racks that were left before the last call: the audio thread, which must not, has left them, too."""
        self._left, self._leaving = self._leaving, []

    def _build(self, sample_rate_hz: int) -> None:
        """Build a rack for this rate, with the knobs where they stand, and leave the present one."""
        choice = self.choice if self.rack is None else with_positions(self.choice, self.rack)
        for each in [part for _, part in choice.parts] or [choice]:
            warm_up(each.patch, each.instrument, sample_rate_hz)
        rack = build_chosen(choice, sample_rate_hz, wake=self._wake)
        self._leave()
        self.rack = rack

    def _leave(self) -> None:
        if self.rack is not None:
            self._n_past_notes += self.rack.status.n_notes
            self._leaving.append(self.rack)
