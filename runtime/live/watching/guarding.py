"""Lets the companion guard the audio thread on a machine with one core."""

from __future__ import annotations

import os

from runtime.companion.child import CompanionChild


class Guarding:
    """Tells the companion which thread to guard (see `ThreadGuard`). With several cores, no thread needs a guard."""

    def __init__(self, companion: CompanionChild):
        self._companion = companion
        self._is_needed = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == 1
        self._told: tuple[int, int] | None = None

    def follow(self, thread_id: int | None) -> None:
        """Let the companion guard a thread. Call this repeatedly, because a restarted companion guards no thread.

        thread_id: the thread to guard; None while it is not known yet.
        """
        now = thread_id, self._companion.n_starts
        if not self._is_needed or thread_id is None or now == self._told:
            return
        if self._companion.tell("guard", process=os.getpid(), thread=thread_id):
            self._told = now
