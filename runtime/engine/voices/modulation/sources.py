"""Computes the sources of modulation for the voices that play one sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from runtime.config import Adsr
from runtime.engine.voices.modulation.curves import cubic, cubic_of
from runtime.engine.voices.modulation.cycles import Cycles
from runtime.engine.voices.modulation.lfo import SMOOTH_SHAPES, wave
from runtime.engine.voices.modulation.notes_table import NotesTable
from runtime.engine.voices.modulation.tempo import BeatLine, Tempo
from runtime.sound.motion import DEFAULT_LFO_HZ, DelayedEnvelope, Lfo, control_of
from runtime.sound.sound import Sound

# A smooth wave is slow if its rate is at most SLOW_LFO_HZ, or if its cycle lasts at least SLOW_BEATS. For a slow wave,
# linear interpolation from hop to hop is good enough: it causes images more than 40 dB below the tone.
SLOW_LFO_HZ, SLOW_BEATS = 5.0, 0.5


class PlayedNote(Protocol):
    """The fields of a voice that modulation needs."""

    lane: int
    channel: int
    note: int


class Held(NamedTuple):
    """What the player can change during a note, as it was at one moment.

    controls: the values of controls, by name.
    beats: the BeatLine that counts the beats.
    cycles: for each LFO whose rate was set, the BeatLine that counts its cycles.
    """

    controls: Mapping[str, float]
    beats: BeatLine
    cycles: Mapping[str, BeatLine]


class Moment(NamedTuple):
    """The voices and frames for which sources are computed.

    lanes: the voices' lanes, intp (n,).
    frames: float64 (n_points,).
    spacing_frames: the frames from one point to the next, if the values will be interpolated linearly; else 0.
        Interpolation weakens a wave. To make up for this, the smooth waves of LFOs are made stronger beforehand.
    held: controls and BeatLines of an earlier moment, or None for the present ones.
    """

    voices: Sequence[PlayedNote]
    lanes: np.ndarray
    frames: np.ndarray
    spacing_frames: int = 0
    held: Held | None = None


class Sources:
    """The sources of modulation of one sound.

    envelope: the amplitude envelope's settings.
    control: a function that takes a control's name, such as mod_wheel or cc_21, and a voice. It returns the control's
        value, 0 to 1, on the voice's channel or key.
    """

    def __init__(
        self,
        sound: Sound,
        envelope: Adsr,
        table: NotesTable,
        tempo: Tempo,
        control: Callable[[str, PlayedNote], float],
        sample_rate_hz: int,
    ):
        self._table, self._tempo, self._control, self._rate_hz = table, tempo, control, sample_rate_hz
        delayed = DelayedEnvelope(
            attack_s=envelope.attack_s,
            hold_s=envelope.hold_s,
            decay_s=envelope.decay_s,
            sustain=envelope.sustain,
            release_s=envelope.release_s,
            curve=envelope.curve,
        )
        self._envelopes = {"envelope": delayed, "envelope_2": sound.envelope_2}
        self._lfos = {"lfo_1": sound.lfo_1, "lfo_2": sound.lfo_2}
        self._cycles: dict[str, Cycles] = {}  # only for the LFOs whose rates have been set
        self._rates_hz: dict[str, float] = {}
        # For each LFO: the newest salt given to `_random_phases`, and the phases that it returned.
        self._found_phases: dict[str, tuple[bytes, np.ndarray]] = {}

    def set_rate(self, name: str, rate_hz: float, frame: int) -> None:
        """Change the rate of the LFO `name` from `frame` on; its wave continues without a jump.

        An LFO with `beats` follows the tempo, and is not changed. Frames must not decrease from call to call.
        """
        lfo = self._lfos[name]
        if lfo.beats is None and rate_hz != self.rate(name):
            self._counted(name).set_rate(rate_hz, frame)
            self._rates_hz[name] = rate_hz

    def rate(self, name: str) -> float:
        """The rate in Hz of the LFO `name`; meaningless if the LFO follows the tempo."""
        return self._rates_hz.get(name) or self._lfos[name].rate_hz or DEFAULT_LFO_HZ

    def restart_rates(self) -> None:
        """Undo every call of `set_rate`; do this only while no note of the sound is heard."""
        for name, cycles in self._cycles.items():
            rate_hz = self._rates_hz[name] = self._lfos[name].rate_hz or DEFAULT_LFO_HZ
            cycles.restart(BeatLine(0, 0.0, rate_hz / self._rate_hz))

    def rates_memory(self) -> dict[str, tuple[float, ...]]:
        """For each LFO whose rate was set: the rate in Hz, then the fields of the BeatLine that counts its cycles."""
        return {name: (self._rates_hz[name], *cycles.line) for name, cycles in self._cycles.items()}

    def remember_rates(self, memory: Mapping[str, tuple[float, ...]]) -> None:
        """Let the LFOs go on as in another engine; call this before any note begins.

        memory: the other engine's `rates_memory`.
        """
        for name, (rate_hz, *line) in memory.items():
            self._counted(name).restart(BeatLine(*line))
            self._rates_hz[name] = rate_hz

    def _counted(self, name: str) -> Cycles:
        if name not in self._cycles:
            self._cycles[name] = Cycles(self.rate(name), self._table, self._rate_hz)
            self._rates_hz[name] = self.rate(name)
        return self._cycles[name]

    def values(self, name: str, moment: Moment) -> np.ndarray:
        """The values of the source `name`: a row for each voice, or a single row if all voices share the values.

        A row has a value for each point, or a single value if it is the same at all points. So the shape is
        (n, n_points), (n, 1), (1, n_points) or (1, 1); float64.
        """
        if name in self._lfos:
            return self._lfo(name, self._lfos[name], moment)
        if name in self._envelopes:
            return self._envelope(self._envelopes[name], moment)
        if name in ("velocity", "key", "random", "release_velocity"):
            return getattr(self._table, name)[moment.lanes]
        if moment.held is not None:
            return np.array([[moment.held.controls[name]]])
        return np.array([[self._control(name, voice)] for voice in moment.voices])

    def started_at(self, lane: int) -> int:
        """The frame at which a lane's note began; for a legato note, that of the first of the connected notes."""
        return int(self._table.started_at[lane, 0])

    def hold(self, names: Iterable[str], voice: PlayedNote) -> Held:
        """The present BeatLines, and the present values of some of a voice's controls.

        These controls are the ones in `names` and the ones that set the depth of an LFO.
        """
        names = {*names, *(lfo.depth_from for lfo in self._lfos.values() if lfo.depth_from is not None)}
        controls = {name: self._control(name, voice) for name in names if is_control(name)}
        return Held(controls, self._tempo.line, {name: cycles.line for name, cycles in self._cycles.items()})

    def _envelope(self, envelope: DelayedEnvelope, moment: Moment) -> np.ndarray:
        table, rate_hz, p = self._table, self._rate_hz, cubic_of(envelope.curve)
        released_at = table.released_at[moment.lanes]
        held_s = np.minimum(moment.frames, released_at)
        held_s -= table.started_at[moment.lanes]
        held_s *= 1.0 / rate_hz
        level = _held_level(envelope, held_s)
        if released_at.min() < moment.frames[-1]:
            since_s = (moment.frames - released_at) * (1.0 / rate_hz)
            level *= 1.0 - cubic(_share(since_s, envelope.release_s), p)
        return level

    def held_envelope(self, name: str, frames: np.ndarray) -> np.ndarray:
        """The values of the envelope `name` while a note's key is down.

        frames: counted from the note's start, float64 (n,).
        """
        return _held_level(self._envelopes[name], frames * (1.0 / self._rate_hz))

    def _lfo(self, name: str, lfo: Lfo, moment: Moment) -> np.ndarray:
        frames, spacing = moment.frames, moment.spacing_frames
        if spacing and lfo.shape in SMOOTH_SHAPES:
            # Linear interpolation multiplies a wave of w rad per point by 1 - w^2 / 12. Subtracting a twelfth of the
            # second difference compensates for this.
            n = len(frames)
            waves = self._wave(name, lfo, moment, np.concatenate((frames, frames - spacing, frames + spacing)))
            values = waves[:, :n] * (14.0 / 12.0)
            values -= (waves[:, n : 2 * n] + waves[:, 2 * n :]) * (1.0 / 12.0)
        else:
            values = self._wave(name, lfo, moment, frames)
        if lfo.delay_s or lfo.fade_in_s:
            since_s = (frames - self._table.started_at[moment.lanes]) / self._rate_hz - lfo.delay_s
            values = values * _share(since_s, lfo.fade_in_s)
        if lfo.depth_from is not None:
            values = values * self.values(lfo.depth_from, moment)
        return values

    def _wave(self, name: str, lfo: Lfo, moment: Moment, frames: np.ndarray) -> np.ndarray:
        """The values of the LFO's wave, -1 to 1: (n, n_points), or (1, n_points) if all voices share them."""
        table, lanes = self._table, moment.lanes
        cycles = self._passed(name, lfo, moment, frames)
        salt: np.ndarray | int = name == "lfo_2"
        if lfo.phase == "note":
            salt = table.number[lanes] * 2 + salt
        elif lfo.per_voice:
            salt = table.number[lanes] * 2 + salt
            cycles = cycles + self._random_phases(name, salt)
        return wave(lfo.shape, cycles, lambda step: table.random_at(salt, step))

    def _random_phases(self, name: str, salt: np.ndarray) -> np.ndarray:
        """How far the LFO's wave is shifted for each voice, 0 to 1 cycle: (n, 1)."""
        key = salt.tobytes()
        if self._found_phases.get(name, (b"",))[0] != key:
            self._found_phases[name] = key, 0.5 * (1.0 + self._table.random_at(salt, 1))
        return self._found_phases[name][1]

    def _passed(self, name: str, lfo: Lfo, moment: Moment, frames: np.ndarray) -> np.ndarray:
        """How many cycles of an LFO have passed.

        Returns (1, n_points) if cycles are counted from frame 0 or beat 0. Returns (n, n_points) if they are counted
        from each note's start.
        """
        table, lanes = self._table, moment.lanes
        if lfo.beats is not None:
            # Beats are read from the BeatLine, because the present tempo times the elapsed time would be wrong after a
            # change of tempo.
            line = self._tempo.line if moment.held is None else moment.held.beats
            beats = line.beats_at(frames)[None]
            return (beats - table.started_beats[lanes] if lfo.phase == "note" else beats) / lfo.beats
        cycles, held = self._cycles.get(name), moment.held
        if cycles is not None and (held is None or name in held.cycles):
            line = cycles.line if held is None else held.cycles[name]
            return cycles.since_start(frames, lanes, line) if lfo.phase == "note" else cycles.at(frames, line)
        since = frames - table.started_at[lanes] if lfo.phase == "note" else frames[None]
        return since * ((lfo.rate_hz or DEFAULT_LFO_HZ) / self._rate_hz)


def is_fast(lfo: Lfo, rate_hz: float) -> bool:
    """Whether linear interpolation from hop to hop would be audible with this LFO. rate_hz: its present rate."""
    is_short = rate_hz > SLOW_LFO_HZ if lfo.beats is None else lfo.beats < SLOW_BEATS
    return is_short or lfo.shape not in SMOOTH_SHAPES


def is_control(name: str) -> bool:
    """Whether the player can move a source while a note sounds."""
    return control_of(name) is not None or name in ("mod_wheel", "expression", "pressure", "slide")


def _held_level(envelope: DelayedEnvelope, held_s: np.ndarray) -> np.ndarray:
    """The level of an envelope while the key is down. held_s: seconds since the note's start; overwritten."""
    p = cubic_of(envelope.curve)
    held_s -= envelope.delay_s
    level = cubic(_share(held_s, envelope.attack_s), p)
    if envelope.sustain < 1.0:
        held_s -= envelope.attack_s + envelope.hold_s
        level -= (1.0 - envelope.sustain) * cubic(_share(held_s, envelope.decay_s), p)
    return level


def _share(time_s: np.ndarray, duration_s: float) -> np.ndarray:
    """The share of a duration that has passed, 0 to 1; with a duration of 0, the share is 1 from 0 s on."""
    if duration_s <= 0.0:
        return (time_s >= 0.0).astype(np.float64)
    share = time_s * (1.0 / duration_s)
    np.maximum(share, 0.0, out=share)
    return np.minimum(share, 1.0, out=share)
