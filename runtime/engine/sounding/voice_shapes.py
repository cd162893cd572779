"""Computes the modulated values on which each voice's spectrum depends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from runtime.acoustics.pitch import note_to_hz
from runtime.control.sound_knobs import SoundKnobs
from runtime.engine.synthesis.shaping.curves import octaves_of
from runtime.engine.synthesis.shaping.shaper import Shape
from runtime.engine.voices.bank import Voice
from runtime.engine.voices.modulation.sources import Moment
from runtime.engine.voices.played_sound import PlayedSound
from runtime.instrument.card import Card


class VoiceValues(NamedTuple):
    """How modulation changes the spectral targets of voices that play one sound, at one frame.

    sums: for each target, what is added to it: float64 (n, 1) for n voices, or (1, 1) if it is the same for all.
    offsets, kept: trajectories change a knob's position p to p * kept + offsets; both (n, n_latents), or None without
        trajectories.
    colour_db: the gain that trajectories give each band, (n, n_bands); None if they change no band.
    """

    voices: Sequence[Voice]
    played: PlayedSound
    knobs: SoundKnobs
    sums: dict[str, np.ndarray]
    offsets: np.ndarray | None = None
    kept: np.ndarray | None = None
    colour_db: np.ndarray | None = None

    def part(self, first: int, end: int) -> VoiceValues:
        if first == 0 and end >= len(self.voices):
            return self
        sums = {target: s[first:end] if len(s) > 1 else s for target, s in self.sums.items()}
        rest = [None if rows is None else rows[first:end] for rows in (self.offsets, self.kept, self.colour_db)]
        return VoiceValues(self.voices[first:end], self.played, self.knobs, sums, *rest)

    def parts(self, most: int) -> list[VoiceValues]:
        return [self.part(first, first + most) for first in range(0, len(self.voices), most)]

    def keys(self) -> list[bytes]:
        """For each voice, the modulated values on which its spectrum depends, as bytes."""
        sums = (column for target, column in self.sums.items() if target != "width")  # spectra do not depend on width
        columns = [*sums, *(rows for rows in (self.offsets, self.colour_db) if rows is not None)]
        n, widths = len(self.voices), [column.shape[1] for column in columns]
        if not columns:
            return [b""] * n
        table, at = np.empty((n, sum(widths))), 0
        for column, width in zip(columns, widths, strict=True):
            table[:, at : at + width] = column
            at += width
        return table.view(f"V{8 * at}")[:, 0].tolist()

    def positions(self) -> np.ndarray:
        """Each voice's positions of the latents, 0 to 1, with modulation: float64 (n, n_latents)."""
        positions = np.empty((len(self.voices), len(self.knobs.positions)))
        positions[:] = self.knobs.positions
        if self.offsets is not None:
            positions *= self.kept
            positions += self.offsets
        for target, latent in self.played.modulator.latents.items():
            if target in self.sums:
                positions[:, latent : latent + 1] += self.sums[target]
        np.maximum(positions, 0.0, out=positions)
        return np.minimum(positions, 1.0, out=positions)

    def blends(self) -> list[float]:
        """The blend of phases for each voice, 0 to 1, with modulation."""
        return self._one_each(self._moved("phase_blend", self.knobs.blend, 0.0, 1.0))

    def shape(self) -> Shape:
        sound, knobs = self.played.sound, self.knobs.values
        return Shape(
            filter_kind=self.knobs.filter_kind,
            slope=sound.filter.slope_db_per_octave,
            cutoff_octaves=self._moved("filter.cutoff", octaves_of(knobs["filter.cutoff"]), -2.0, 12.0),
            resonance_db=self._moved("filter.resonance", knobs["filter.resonance"], 0.0, 24.0),
            tilt_db_per_octave=self._moved("tilt", knobs["tilt"], -12.0, 12.0),
            odd_even_db=knobs["odd_even"],
            formant_semitones=knobs["formant"],
            shift_octaves=np.array([[voice.key_offset / 12.0] for voice in self.voices]),
            bands_db=self.colour_db,
        )

    @property
    def has_bandwidth(self) -> bool:
        return self.played.has_bandwidth or self.knobs.has_bandwidth

    @property
    def has_width(self) -> bool:
        return self.played.has_width or self.knobs.has_width

    @property
    def needs_blend(self) -> bool:
        return self.has_bandwidth or self.played.leads_blend

    def bandwidths_cents(self) -> list[float]:
        """One bandwidth for each voice; an empty list if the sound has none."""
        if not self.has_bandwidth:
            return []
        return self._one_each(self._moved("bandwidth", self.knobs.values["bandwidth"], 0.0, 100.0))

    def widths(self) -> list[float]:
        """One width for each voice, 0 to 1."""
        return self._one_each(self._moved("width", self.knobs.values["width"], 0.0, 1.0))

    def _moved(self, target: str, value: float, lowest: float, highest: float) -> np.ndarray:
        """A target's values with modulation, within the limits: float64 (n, 1); (1, 1) if all voices have the same.

        value: the target's value without modulation.
        """
        added = self.sums.get(target)
        if added is None:
            return np.array([[min(max(value, lowest), highest)]])
        values = value + added
        np.maximum(values, lowest, out=values)
        return np.minimum(values, highest, out=values)

    def _one_each(self, column: np.ndarray) -> list[float]:
        return column[:, 0].tolist() if len(column) == len(self.voices) else [float(column[0, 0])] * len(self.voices)


def values_of(voices: Sequence[Voice], frame: float, spacing_frames: int) -> list[VoiceValues]:
    """The modulation at `frame`: one VoiceValues for each chosen sound. The voices of a sound keep their order.

    spacing_frames: as in `Moment`.
    """
    groups: dict[tuple[PlayedSound, SoundKnobs], list[Voice]] = {}
    for voice in voices:
        groups.setdefault((voice.played, voice.knobs), []).append(voice)
    values = []
    for (played, knobs), alike in groups.items():
        lanes = np.array([voice.lane for voice in alike])
        moment = Moment(alike, lanes, np.array([float(frame)]), spacing_frames)
        sums = played.modulator.values(played.spectral_targets, moment)
        values.append(VoiceValues(alike, played, knobs, sums, *_path(played, lanes, int(frame))))
    return values


def _path(played: PlayedSound, lanes: np.ndarray, frame: int) -> tuple[np.ndarray | None, ...]:
    """The fields offsets, kept and colour_db of VoiceValues."""
    trajectories = played.trajectories
    if trajectories is None:
        return None, None, None
    offsets, colour_db = trajectories.values(lanes, frame)
    kept = trajectories.keep[lanes]
    return offsets.copy(), kept, colour_db.copy() if trajectories.has_colour else None


def fundamentals_hz(card: Card) -> list[float]:
    """The fundamental of each note in the card's range, in Hz."""
    lowest, highest = card.note_range
    return [float(note_to_hz(note)) for note in range(lowest, highest + 1)]
