"""Moves knobs by MIDI controls."""

from __future__ import annotations

from runtime.config import Config
from runtime.control.knobs import Knobs
from runtime.control.targets import waits_for_hop
from runtime.control_numbers import Control
from runtime.events import Clock, ControlChange, Event, KnobTurn, PhaseBlend, TargetMove, Tempo


class ControlMap:
    """Which MIDI control moves which knob, as the settings `latent_controls` and `phase_control` say.

    n_latents: the instrument's number of latents; a control that the settings assign to a higher latent moves nothing.
    """

    def __init__(self, config: Config, n_latents: int):
        self._latent_of = {c: k - 1 for c, k in config.latent_controls.items() if k <= n_latents}
        self._phase_control = config.phase_control
        self._numbers = frozenset(self._latent_of) | ({config.phase_control} - {None})

    def move(self, event: ControlChange, knobs: Knobs) -> bool:
        """Move the knob that the control belongs to; False if it belongs to none."""
        if event.control in self._latent_of:
            knobs.turn(self._latent_of[event.control], event.value / 127.0)
        elif event.control == self._phase_control:
            knobs.turn_blend(event.value / 127.0)
        else:
            return False
        return True

    def may_wait_for_hop(self, event: Event) -> bool:
        """Whether an event changes only the next spectra, the blend of phases or the tempo, and may wait for a hop."""
        if isinstance(event, ControlChange):
            # Control 74 may be an MPE slide, which acts on one voice at once.
            return event.control in self._numbers and event.control != Control.SLIDE
        if isinstance(event, TargetMove):
            return waits_for_hop(event.target)
        return isinstance(event, (KnobTurn, PhaseBlend, Clock, Tempo))
