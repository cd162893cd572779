"""Builds and replaces the rack that plays."""

from __future__ import annotations

from collections.abc import Callable

from runtime.engine.build import warm_up
from runtime.engine.status import Status
from runtime.events import ALL_PARTS
from runtime.live.present import renamed_part
from runtime.rack.build import build_chosen, with_positions
from runtime.rack.rack import Rack
from runtime.sound.choice import Choice
from runtime.sound.patch import Patch, named


class Racks:
    """The rack that plays, and the racks that it replaced; for the main thread.

    choice: the `Choice` with which the first part's instrument began to play; its `parts` are those that play now.
    wake: as in `Rack`.
    rack: None before `fit`.
    """

    def __init__(self, choice: Choice, wake: Callable[[], object]):
        self.choice, self._wake = choice, wake
        self.rack: Rack | None = None
        self._n_past_notes = 0
        self._leaving: list[Rack] = []  # racks replaced since the latest `free_left`
        self._left: list[Rack] = []  # racks replaced before the latest `free_left`

    @property
    def sample_rate_hz(self) -> int:
        return self.rack.sample_rate_hz

    @property
    def status(self) -> Status:
        return self.rack.status

    @property
    def n_notes(self) -> int:
        return self._n_past_notes + self.rack.status.n_notes

    def choice_of(self, part: int) -> Choice:
        """The `Choice` that this part plays."""
        return self.choice.parts[part][1] if self.choice.parts else self.choice

    def swapped(self, part: int, choice: Choice) -> None:
        """Remember that a part plays another `Choice` from now on.

        part: the part's number; ALL_PARTS for every part.
        """
        if part == ALL_PARTS:
            self.choice = choice
            return
        parts = list(self.choice.parts)
        if parts:
            parts[part] = renamed_part(parts[part][0], choice.patch, choice.instrument), choice
            choice = parts[0][1]
        self.choice = choice._replace(parts=tuple(parts), whole=self.choice.whole)

    def call_sound(self, patch: Patch, name: str) -> None:
        """Rename the sound that plays, if the first part still has `patch`.

        patch: the first part's patch when the sound was saved.
        """
        engine = self.rack.engine()
        if engine.patch is not patch:
            return
        if self.choice.whole is None:
            engine.call_sound(patch, name)
        else:
            self.choice = self.choice._replace(whole=named(self.choice.whole, name))

    def fit(self, sample_rate_hz: int) -> bool:
        """If there is no rack with this sample rate, build one. Returns whether a rack was built."""
        if self.rack is not None and self.rack.sample_rate_hz == sample_rate_hz:
            return False
        self._build(sample_rate_hz)
        return True

    def renew(self) -> None:
        """Replace the rack, whose state is corrupt, by a new one."""
        self._build(self.rack.sample_rate_hz)

    def free_left(self) -> None:
        """Free the racks that were replaced before the previous call.

        By now, the audio thread no longer uses them. Otherwise it would free them itself, and that takes time.
        """
        self._left, self._leaving = self._leaving, []

    def _build(self, sample_rate_hz: int) -> None:
        """Build a rack for the present choice; the knobs keep their positions."""
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
