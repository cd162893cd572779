"""Reads one take (a note of a recording, or a whole recording) as a sound of an instrument."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from runtime.acoustics.pitch import N_CHROMA, note_to_hz
from runtime.acoustics.spectrum import StftSpec, periodic_hann, unit_peak_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.encoding.colour import Colours
from runtime.encoding.decoding import decode
from runtime.encoding.hearing import Take, resampled
from runtime.encoding.level import LOWEST_DB, Marks, level_curve_db, marks_of, with_loudest_at_0
from runtime.encoding.nearest import nearest_trained, trained_sounds
from runtime.encoding.search import Target, refined, search
from runtime.encoding.tones import loose_shares
from runtime.instrument.card import Card
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import Encoder
from runtime.sound.trajectory.loop import find_loop
from runtime.sound.trajectory.trajectory import LEVEL_STEP_S, Trajectory

LONGEST_S = 20.0
MEASURED_S = 2.2  # only this much of a take, from its beginning, counts in distances
AUDIBLE_DB = -50.0  # hops below this level, relative to the loudest, do not count in distances and means
_SMOOTHING = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """A take, understood as one note, with the sound that was made from it.

    note: the MIDI note as which the take is understood.
    positions: the steady knob positions, 0 to 1, (n_latents,).
    trajectory: how knobs, colour and level move; the knobs as offsets from `positions`.
    marks: the take's attack, release and end.
    distance_db: the distance of the sound from the take.
    nearest: of the sounds that the instrument was taught, the name of the one nearest to the take.
    nearest_trained_db: the distance of that sound from the take.

    nearest and nearest_trained_db are None if the instrument's card names no sounds that it was taught.
    """

    take: Take
    note: int
    positions: np.ndarray
    trajectory: Trajectory
    marks: Marks
    distance_db: float
    nearest: str | None
    nearest_trained_db: float | None


def read_take(
    take: Take, note: int, decoder: Decoder, encoder: Encoder, colour: float = 1.0, around: np.ndarray | None = None
) -> Reading:
    """Read a take as the MIDI note `note`.

    colour: how much of the colour curve is applied, 0 to 1.
    around: the steady knob positions, (n_latents,); None to search for those whose sound is nearest to the take.
    """
    card, spec = decoder.card, decoder.card.spec
    step_s = spec.hop_size / spec.sample_rate_hz
    level_db = level_curve_db(take.samples, spec.sample_rate_hz, float(note_to_hz(note)), take.before)
    level_db = level_db[: _n_heard(level_db)]
    marks = marks_of(level_db)
    n_hops = int((len(level_db) - 1) * LEVEL_STEP_S / step_s) + 1
    heard = _frames(take.samples, take.before, n_hops, spec.hop_size, spec)
    target_db = band_levels_db(heard, spec).astype(np.float64)
    model_note = card.nearest_note(note)
    positions = _positions(take, note, model_note, n_hops, card, encoder)
    weights = _weights(level_db, marks, step_s, n_hops)
    steady = weights @ positions / weights.sum()
    colours = Colours(spec, model_note, note - model_note)
    trained = trained_sounds(card)
    # A sound flutters only with coherent phases, and only a single note gets these. So another take may have any share
    # of loose power.
    loose = loose_shares(heard, spec, float(note_to_hz(note))) if take.pitch.is_single else np.ones(n_hops)
    best = around
    if best is None:
        mean_db, mean_loose = (weights @ values / weights.sum() for values in (target_db, loose))
        starts = np.concatenate([steady[None], trained.positions])
        best = search(decoder, model_note, colours, Target(mean_db - mean_db.max(), mean_loose), starts)
    # The encoder finds how the sound moves; the search finds the positions around which it moves.
    positions, steady = (positions + best - steady).clip(0.0, 1.0), best
    if around is None:
        positions = refined(decoder, model_note, colours, Target(target_db, loose), positions)
    decoded = decode(decoder, positions, model_note)
    colour_db = _smoothed(colours.fit(decoded, target_db))
    colour_db = colours.levelled(decoded, colour_db)
    coloured = colours.coloured(decoded, colour * colour_db)
    trajectory = _trajectory(card, step_s, positions - steady, colour_db, marks)
    spectral_db = colours.level_over_loudness_db(decoded, coloured)
    trajectory = replace(trajectory, level_db=_level(level_db, spectral_db, step_s))
    trajectory = replace(trajectory, loop_s=None if marks.dies_away else find_loop(trajectory))
    measured = weights[: _n_measured(step_s)] > 0.0
    trained_db = colours.band_levels_db(decode(decoder, trained.positions, model_note))
    nearest = nearest_trained(trained_db, target_db[: len(measured)][measured])
    return Reading(
        take=take,
        note=note,
        positions=steady,
        trajectory=trajectory,
        marks=marks,
        distance_db=distance_db(
            *(levels[: len(measured)][measured] for levels in (colours.band_levels_db(coloured), target_db))
        ),
        nearest=nearest and trained.names[nearest[0]],
        nearest_trained_db=nearest and nearest[1],
    )


def steady_reading(reading: Reading, decoder: Decoder) -> Reading:
    """The same reading with constant knobs and colour."""
    card, note = decoder.card, reading.note
    model_note, spec = card.nearest_note(note), card.spec
    path = reading.trajectory
    colours = Colours(spec, model_note, note - model_note)
    decoded = decode(decoder, reading.positions[None], model_note)
    heard = _frames(reading.take.samples, reading.take.before, path.n_hops, spec.hop_size, spec)
    target_db = band_levels_db(heard, spec).astype(np.float64)
    weights = _weights(path.level_db.astype(np.float64), reading.marks, path.step_s, path.n_hops)
    mean_db = (weights @ target_db / weights.sum())[None]
    colour_db = colours.fit(decoded, mean_db - mean_db.max())
    found_db = colours.band_levels_db(colours.coloured(decoded, colour_db))
    trajectory = replace(
        path,
        knobs=(),
        latents=np.zeros((path.n_hops, 0)),
        colour_db=np.repeat(colour_db, path.n_hops, axis=0),
    )
    measured = weights[: _n_measured(path.step_s)] > 0.0
    distance = distance_db(found_db, target_db[: len(measured)][measured])
    return replace(reading, trajectory=trajectory, distance_db=distance)


def _n_measured(step_s: float) -> int:
    return int(MEASURED_S / step_s) + 1


def _n_heard(level_db: np.ndarray) -> int:
    heard = np.flatnonzero(level_db >= level_db.max() + LOWEST_DB)
    return min(int(heard[-1]) + 1, round(LONGEST_S / LEVEL_STEP_S))


def _frames(samples: np.ndarray, before: int, n_frames: int, hop: float, spec: StftSpec) -> np.ndarray:
    """Magnitudes of frames, float32 (n_frames, n_bins).

    before: number of samples before the middle of the first frame.
    hop: samples from one frame's middle to the next one's. It need not be a whole number.
    """
    middles = before + np.rint(np.arange(n_frames) * hop).astype(int)
    half = spec.frame_size // 2
    padded = np.pad(samples, (half, max(0, int(middles[-1]) + half + 1 - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, spec.frame_size)[middles]
    return np.abs(np.fft.rfft(windows * periodic_hann(spec.frame_size), axis=1)).astype(np.float32)


def _positions(take: Take, note: int, model_note: int, n_hops: int, card: Card, encoder: Encoder) -> np.ndarray:
    """The knob positions that the encoder finds at each hop, (n_hops, n_latents).

    The encoder hears the take transposed from `note` to `model_note`.
    """
    spec, speed = card.spec, 2.0 ** ((model_note - note) / N_CHROMA)
    samples = resampled(take.samples, speed)
    magnitudes = _frames(samples, round(take.before / speed), n_hops, spec.hop_size / speed, spec)
    frames, kept = unit_peak_frames(magnitudes, spec, -200.0)
    if not len(kept):
        return np.repeat(card.default_positions[None].astype(np.float64), n_hops, axis=0)
    latents = encoder.latents(frames, np.full(len(frames), model_note))
    low, high = card.latents_at(np.zeros(card.n_latents)), card.latents_at(np.ones(card.n_latents))
    known = ((latents - low) / (high - low)).clip(0.0, 1.0).astype(np.float64)
    # A silent hop gets the positions of the last audible hop before it. Silent hops at the beginning get those of the
    # first audible hop.
    nearest = kept[np.maximum(np.searchsorted(kept, np.arange(n_hops), side="right") - 1, 0)]
    return known[np.searchsorted(kept, nearest)]


def _weights(level_db: np.ndarray, marks: Marks, step_s: float, n_hops: int) -> np.ndarray:
    """Each hop's weight in a mean over the hops, (n_hops,). An audible hop between attack and release has weight 1."""
    times_s = np.arange(n_hops) * step_s
    at_hops = np.interp(times_s, np.arange(len(level_db)) * LEVEL_STEP_S, level_db)
    audible = (at_hops >= at_hops.max() + AUDIBLE_DB).astype(np.float64)
    end_s = marks.end_s if marks.release_s is None else marks.release_s
    held = (times_s >= marks.attack_s) & (times_s <= end_s) & (audible > 0.0)
    # Other audible hops get a small weight. So the sum is never 0, and a weight above 0 means an audible hop.
    return audible * np.where(held, 1.0, 1e-3)


def _smoothed(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, ((1, 1), (0, 0)), mode="edge")
    return _SMOOTHING[0] * padded[:-2] + _SMOOTHING[1] * padded[1:-1] + _SMOOTHING[2] * padded[2:]


def _level(level_db: np.ndarray, spectral_db: np.ndarray, step_s: float) -> np.ndarray:
    """The trajectory's level in dB, with 0 at its loudest part.

    level_db: the take's level.
    spectral_db: for each hop, the level that its spectrum has in the engine. It is subtracted from the take's level.
    """
    times_s = np.arange(len(level_db)) * LEVEL_STEP_S
    return with_loudest_at_0(level_db - np.interp(times_s, np.arange(len(spectral_db)) * step_s, spectral_db))


def _trajectory(card: Card, step_s: float, offsets: np.ndarray, colour_db: np.ndarray, marks: Marks) -> Trajectory:
    """A trajectory with a constant level of 0 dB. offsets: each hop's knob positions minus the steady positions."""
    return Trajectory(
        step_s=step_s,
        knobs=tuple(latent.name for latent in card.latents),
        latents=offsets,
        colour_db=colour_db,
        level_db=np.zeros(1),
        attack_s=marks.attack_s,
        release_s=marks.release_s,
        plays_once=marks.dies_away,
    )
