"""Reports problems and missing devices by a status line, by sounds and by a lamp."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from runtime.engine.status import Status
from runtime.live.output.sound_card import SoundCard
from runtime.live.signs.lamp import PLAYS, WAITS, WRONG, Lamp
from runtime.live.signs.sounds import SignSounds
from runtime.live.watching.history import History
from runtime.live.watching.news import StatusNews
from runtime.live.watching.power import PowerWatch
from runtime.live.watching.watch import Watch
from runtime.midi.inputs import MidiInputs
from runtime.sound.choice import Choice


class Playing(Protocol):
    """The part of `Racks` that `Condition` uses."""

    @property
    def choice(self) -> Choice: ...

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def status(self) -> Status: ...

    @property
    def n_notes(self) -> int: ...


class Condition:
    """Reports what plays and what is wrong. Only the main thread may use it.

    remark: what is wrong with the settings, or an empty text.
    volume_db: the volume of the cues.
    notify: sends a notice to systemd, as `service.notify.notify` does.
    lamp: the lamp, or None until the supervisor has set it.
    """

    def __init__(
        self,
        playing: Playing,
        card: SoundCard,
        midi: MidiInputs,
        watch: Watch,
        sounds: SignSounds,
        remark: str,
        volume_db: float,
        notify: Callable[..., object],
        say: Callable[[str], object],
    ):
        self._playing, self._card, self._midi, self._watch, self._sounds = playing, card, midi, watch, sounds
        self._remark, self._volume_db = remark, volume_db
        self._news, self._power = StatusNews(notify), PowerWatch(say)
        self._start_s, self._history = time.monotonic(), History()
        self.lamp: Lamp | None = None

    def tell(self) -> None:
        """Send the status line to systemd, and report by sounds and by the lamp."""
        self._power.look()
        self._history.note(self._card, self._playing.status.n_active_voices)
        playing, output = self._playing, self._card.output
        device = f"{output.name}, {output.sample_rate_hz} Hz"
        self._news.tell(playing.status.n_active_voices, device, self._midi.names, [*self._wrong, *self._missing])
        self._sounds.follow(playing.choice.instrument.path, playing.sample_rate_hz, self._volume_db)
        self._sounds.look(not self._card.is_missing, bool(self._midi.names))
        if self.lamp is not None:
            self.lamp.show(WRONG if self._wrong else WAITS if self._missing else PLAYS)

    @property
    def _wrong(self) -> list[str]:
        return [each for each in (self._remark, self._watch.problem, self._power.problem) if each]

    @property
    def _missing(self) -> list[str]:
        return [each for each in (self._card.problem, "" if self._midi.names else "No MIDI input yet") if each]

    def health(self) -> dict[str, object]:
        """The counts of blocks and notes, the devices and the problems."""
        output = self._card.output
        return {
            "seconds": time.monotonic() - self._start_s,
            "voices": self._playing.status.n_active_voices,
            "audio": output.name,
            "sample_rate_hz": output.sample_rate_hz,
            "buffer_frames": output.buffer_frames,
            "ports": self._midi.names,
            "problems": [*self._wrong, *self._missing],
            "real_time": self._card.blocks.realtime,
            **self._card.counts,
            **self._history.load,
            "latency_ms": 1e3 * (self._card.block_s + output.delay_s),
            "notes": self._playing.n_notes,
        }

    def history(self) -> dict[str, list[float]]:
        """Loads, voices and late blocks of the last five minutes, in steps of two seconds."""
        return self._history.columns()

    def ready_line(self) -> str:
        """What the user reads when `play` has started."""
        output, midi = self._card.output, ", ".join(self._midi.names) or "none yet"
        return f"READY {output.sample_rate_hz} Hz, {output.buffer_frames} frames, audio: {output.name}, MIDI: {midi}"

    def closing_line(self) -> str:
        """What the user reads when `play` ends."""
        done = self._card.counts
        return (
            f"Stopped: {done['blocks']} blocks, {done['underruns']} underruns, {done['late']} late blocks, "
            f"{done['stalled']} of them because the machine stalled, {self._playing.n_notes} notes."
        )
