"""Decides when each cue is played."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from runtime.audio.cues import CuePlayer
from runtime.base.errors import UserError
from runtime.base.realtime import SWAP_PRIORITY, gives_way, promote_thread
from runtime.live.signs.cues import CHIME, WAITING, YES, make_cues


class SignSounds:
    """Plays the cues (short signal sounds). A separate thread makes them.

    greets: whether `look` plays cues.
    is_busy: returns whether the audio thread is rendering a block.
    wake: called on the separate thread when `serve` has something to do.
    say: called with each line for the user.
    """

    def __init__(
        self,
        greets: bool,
        is_busy: Callable[[], bool] = lambda: False,
        wake: Callable[[], object] = lambda: None,
        say: Callable[[str], object] = lambda _line: None,
    ):
        self.player = CuePlayer()
        self._is_busy, self._wake, self._say = is_busy, wake, say
        self._next_greetings = [WAITING, CHIME] if greets else []
        self._made_for: tuple[Path, int] | None = None
        self._cues: dict[str, np.ndarray] = {}
        self._complaint = ""
        self._wanted: list[str] = []

    def follow(self, instrument: Path, sample_rate_hz: int, volume_db: float) -> None:
        """Make the cues on a separate thread, unless cues for this sample rate exist or are being made."""
        if self._made_for is not None and self._made_for[1] == sample_rate_hz:
            return
        self._made_for, self._cues = (instrument, sample_rate_hz), {}
        making = threading.Thread(target=self._make, args=(*self._made_for, volume_db), name="cues", daemon=True)
        making.start()

    def look(self, has_card: bool, has_input: bool) -> None:
        """Play the chime once, as soon as there is a MIDI input; call this repeatedly.

        If there is no MIDI input at first, play the cue for waiting once. Without a sound card, play nothing.
        """
        if not has_card or not self._next_greetings:
            return
        if has_input:
            self._next_greetings.clear()
            self._play(CHIME)
        elif self._next_greetings[0] == WAITING:
            del self._next_greetings[0]
            self._play(WAITING)

    def yes(self) -> None:
        self._play(YES)

    def serve(self) -> None:
        """Tell the user if the cues could not be made; play the latest requested cue if its sound is ready."""
        if self._complaint:
            self._say(self._complaint)
            self._complaint = ""
        if self._cues:
            for name in self._wanted[-1:]:
                self.player.play(self._cues[name])
            self._wanted.clear()

    def _play(self, name: str) -> None:
        self._wanted.append(name)
        self.serve()

    def _make(self, instrument: Path, sample_rate_hz: int, volume_db: float) -> None:
        promote_thread(SWAP_PRIORITY)
        try:
            with gives_way(self._is_busy):
                cues = make_cues(instrument, sample_rate_hz, volume_db)
        except (UserError, OSError, MemoryError) as error:
            self._complaint = f"No chime and no audible yes: {error}"
        else:
            if self._made_for == (instrument, sample_rate_hz):
                self._cues = cues
        self._wake()
