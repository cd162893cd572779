"""Measures likeness: how much an instrument sounds like the recordings that it was trained on.

Distances are those of runtime/acoustics/timbre_distance.py. A recording's path is its frames, encoded and decoded
again. Its still form is a single frame, decoded from the mean of the latents of its frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from training.corpus.frames import FrameStore, sound_name
from training.instrument.points import N_LINES, Playable, Points, decode_latents, decode_points

N_FRAMES = 96  # only this many frames are used, from the start of each clip: 2.2 s if the corpus holds all frames
CHANGING_DB = 2.0  # a recording changes if the `change_db` of its levels is at least this
N_DRAWS, N_DRAWN, LEAST_APART_DB = 200, 8, 2.0  # see `told_apart`
# N_POSITIONS random knob positions are tried for each of N_RECORDINGS_SEARCHED recordings.
N_POSITIONS, N_RECORDINGS_SEARCHED = 2000, 40
# On a knob's line, the knob moves from end to end; the note and the other knobs are random. A knob is strong if it
# changes the sound by at least LEAST_TRAVEL_DB on at least LEAST_SHARE_OF_LINES of its lines.
LEAST_TRAVEL_DB, LEAST_SHARE_OF_LINES = 5.0, 0.9


Encode = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Take:
    """A recording in a corpus, or a transposed copy of a recording.

    sound: (name of the timbre, MIDI velocity or None).
    note: MIDI note.
    held_out: whether it was held out of training.
    transposed: as in Clip.
    frames: float32 (n, n_bins).
    levels_db: float32 (n, 64), levels in bands.
    """

    sound: tuple[str, int | None]
    note: int
    held_out: bool
    transposed: int
    frames: np.ndarray
    levels_db: np.ndarray


def takes_of(store: FrameStore, conditioning_notes: range) -> list[Take]:
    """The clips of a corpus whose notes the instrument knows: the first N_FRAMES frames of each."""
    starts = np.flatnonzero(np.diff(store.clip, prepend=-1))
    takes = []
    for start, index in zip(starts.tolist(), store.clip[starts].tolist(), strict=True):
        clip = store.clips[index]
        if clip.note is None or clip.note not in conditioning_notes:
            continue
        end = start + int(np.argmax(store.clip[start:] != index) or len(store.clip) - start)
        frames = np.array(store.magnitudes[start : min(end, start + N_FRAMES)])
        levels_db = band_levels_db(frames, store.spec)
        sound = sound_name(clip), clip.velocity
        takes.append(Take(sound, clip.note, clip.split != "train", clip.transposed, frames, levels_db))
    return takes


@dataclass(frozen=True)
class Decoded:
    """A take's latents, and the band levels of its path and its still form (see the top of this file).

    latents: float32 (n, n_latents).
    path_db: float32 (n, 64).
    still_db: float32 (1, 64).
    """

    latents: np.ndarray
    path_db: np.ndarray
    still_db: np.ndarray


def decode_take(instrument: Playable, encode: Encode, take: Take) -> Decoded:
    """Encode a take, and decode its path and its still form (see the top of this file)."""
    notes, spec = np.full(len(take.frames), take.note), instrument.card.spec
    latents = encode(take.frames, notes)
    path_db = band_levels_db(decode_latents(instrument, latents, notes), spec)
    still_db = band_levels_db(decode_latents(instrument, latents.mean(axis=0, keepdims=True), notes[:1]), spec)
    return Decoded(latents, path_db, still_db)


def measure_likeness(instrument: Playable, encode: Encode, store: FrameStore, seed: int = 0) -> dict[str, Any]:
    """Measure how much an instrument sounds like the corpus that it was trained on; returns plain values.

    encode: takes unit-peak frames (n, n_bins) and their MIDI notes (n,); returns their latents, float32 (n, n_latents).

    Distances are means over recordings, in dB. Shares are 0 to 1. A value is None if the corpus lacks its data.
    - `path_db`, `still_db`: distance of a training recording from its path, and from its still form
    - `heldout_path_db`, `heldout_still_db`: the same for held-out recordings
    - `n_changing`: number of training recordings that change
    - `change_correlation`: mean over these recordings of what the function `change_correlation` returns
    - `told_apart_still`, `told_apart_path`: see `told_apart`
    - `corpus_mean_db`: distance of a training recording from the mean of all takes at its note
    - `nearest_other_db`: distance of a training recording from the nearest take of another sound at its note
    - `knobs_behind_still_db`: how much farther a training recording is from the best of N_POSITIONS random knob
      positions than from its still form
    - `n_strong_knobs`: number of knobs whose share in `strong_lines` is at least LEAST_SHARE_OF_LINES
    """
    takes = takes_of(store, instrument.card.conditioning.notes)
    originals = [take for take in takes if not take.transposed]
    decoded = {id(take): decode_take(instrument, encode, take) for take in takes if not take.transposed}
    trained = [take for take in originals if not take.held_out]
    held_out = [take for take in originals if take.held_out]

    def path(some: list[Take]) -> float | None:
        return _mean(distance_db(decoded[id(take)].path_db, take.levels_db) for take in some)

    def still(some: list[Take]) -> float | None:
        return _mean(distance_db(decoded[id(take)].still_db, take.levels_db) for take in some)

    changing = [take for take in trained if change_db(take.levels_db) >= CHANGING_DB]
    by_note = _by_note(takes)
    return {
        "n_recordings": len(trained),
        "n_held_out": len(held_out),
        "path_db": path(trained),
        "still_db": still(trained),
        "heldout_path_db": path(held_out),
        "heldout_still_db": still(held_out),
        "change_correlation": _mean(change_correlation(decoded[id(t)].path_db, t.levels_db) for t in changing),
        "n_changing": len(changing),
        "told_apart_still": told_apart(trained, by_note, {k: d.still_db for k, d in decoded.items()}, seed),
        "told_apart_path": told_apart(trained, by_note, {k: d.path_db for k, d in decoded.items()}, seed),
        "corpus_mean_db": _mean(_corpus_mean_db(take, by_note[take.note]) for take in trained),
        "nearest_other_db": _mean(_nearest_other_db(take, by_note[take.note]) for take in trained),
        "knobs_behind_still_db": _knobs_behind_still_db(instrument, trained, decoded, seed),
        "n_strong_knobs": sum(share >= LEAST_SHARE_OF_LINES for share in strong_lines(instrument, seed)),
    }


def presets_nearest(
    instrument: Playable, names: list[str], store: FrameStore, positions_at: Callable[[int], np.ndarray]
) -> float | None:
    """The share of training recordings whose nearest preset is the one named after their sound, 0 to 1.

    Only recordings whose sound has such a preset count.

    names: the presets' names.
    positions_at: takes a MIDI note; returns the presets' knob positions at it, float (n_presets, n_latents).
    Returns None if there are fewer than two presets, or if no preset is named after a sound of the corpus.
    """
    card = instrument.card
    right = []
    for take in takes_of(store, card.conditioning.notes):
        if take.transposed or take.held_out or take.sound[0] not in names or len(names) < 2:
            continue
        frames = decode_points(instrument, Points(np.full(len(names), take.note), positions_at(take.note)))
        levels_db = band_levels_db(frames, card.spec)
        distances_db = [distance_db(levels[None], take.levels_db) for levels in levels_db]
        right.append(names[int(np.argmin(distances_db))] == take.sound[0])
    return _mean(right)


def print_likeness(report: dict[str, Any]) -> None:
    """Print the figures of `measure_likeness`.

    With a good instrument, a recording's path and its still form are near to the recording. They are nearer than the
    mean of all recordings of its note, and nearer than the nearest recording of another sound at that note.
    """
    mean, other = (_db(report[key]) for key in ("corpus_mean_db", "nearest_other_db"))
    print(
        f"{report['n_recordings']} recordings: {_db(report['path_db'])} from what becomes of their frames, "
        f"{_db(report['still_db'])} from its still form; the mean of all recordings of the note is {mean} away, "
        f"the nearest other sound {other}"
    )
    print(
        f"{report['n_held_out']} held-out recordings: {_db(report['heldout_path_db'])} by their frames, "
        f"{_db(report['heldout_still_db'])} by their still form"
    )
    print(
        f"whose sound it is, told right among up to {N_DRAWN}: {_percent(report['told_apart_still'])} from the still "
        f"form, {_percent(report['told_apart_path'])} from the path (chance: 1 in {N_DRAWN})"
    )
    if report["change_correlation"] is not None:
        print(
            f"the change over time is followed with a correlation of {report['change_correlation']:.2f} "
            f"({report['n_changing']} recordings that change)"
        )
    print(
        f"the nearest of {N_POSITIONS} knob positions is {_db(report['knobs_behind_still_db'])} farther than the still "
        f"form; knobs that move the sound by {LEAST_TRAVEL_DB:g} dB on {LEAST_SHARE_OF_LINES:.0%} of lines: "
        f"{report['n_strong_knobs']}"
    )


def _db(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1f} dB"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{100.0 * value:.0f} %"


def change_db(levels_db: np.ndarray) -> float:
    """Root mean square difference of levels (n, n_bands) from their mean over time, in dB."""
    return float(np.sqrt(np.mean(np.square(levels_db - levels_db.mean(axis=0)))))


def change_correlation(found_db: np.ndarray, asked_db: np.ndarray) -> float:
    """How alike two sets of levels (n, n_bands) change: their correlation, after each band's mean is subtracted."""
    found, asked = (levels - levels.mean(axis=0) for levels in (found_db, asked_db))
    return float((found * asked).sum() / max(np.sqrt(np.square(found).sum() * np.square(asked).sum()), 1e-9))


def told_apart(
    trained: list[Take], by_note: dict[int, list[Take]], made_db: dict[int, np.ndarray], seed: int
) -> float | None:
    """How often the model's version of a recording is nearer to that recording than to others: a share, 0 to 1.

    Each of N_DRAWS draws chooses a recording from `trained`, and takes of up to N_DRAWN - 1 other sounds at its note.
    All those in a draw are at least LEAST_APART_DB apart. Returns None if no draw has another sound.

    made_db: the band levels of the model's versions, by id(take). They are all paths or all still forms (see the top
        of this file).
    """
    random, right = np.random.default_rng(seed), []
    for _ in range(N_DRAWS if trained else 0):
        take = trained[random.integers(len(trained))]
        others = by_note[take.note]
        drawn = [take]
        for index in random.permutation(len(others)).tolist():
            other = others[index]
            if other.sound not in [one.sound for one in drawn] and all(
                _apart_db(one, other) >= LEAST_APART_DB for one in drawn
            ):
                drawn.append(other)
            if len(drawn) == N_DRAWN:
                break
        if len(drawn) > 1:
            made = made_db[id(take)]
            distances_db = [_aligned_distance_db(made, one.levels_db) for one in drawn]
            right.append(np.argmin(distances_db) == 0)
    return float(np.mean(right)) if right else None


def strong_lines(instrument: Playable, seed: int = 0) -> list[float]:
    """Move each knob N_LINES times from end to end, each time at a random note and with the other knobs put at random.

    Returns for each knob the share of these moves that change the sound by at least LEAST_TRAVEL_DB.
    """
    spec, shares = instrument.card.spec, []
    for index in range(instrument.card.n_latents):
        starts = Points.draw(instrument, N_LINES, seed + 1)
        ends = []
        for place in (0.0, 1.0):
            positions = starts.positions.copy()
            positions[:, index] = place
            ends.append(band_levels_db(decode_points(instrument, Points(starts.notes, positions)), spec))
        travel_db = np.sqrt(np.mean(np.square(ends[0] - ends[1]), axis=1))
        shares.append(float(np.mean(travel_db >= LEAST_TRAVEL_DB)))
    return shares


def _by_note(takes: list[Take]) -> dict[int, list[Take]]:
    by_note: dict[int, list[Take]] = {}
    for take in takes:
        by_note.setdefault(take.note, []).append(take)
    return by_note


def _apart_db(one: Take, other: Take) -> float:
    return float(np.sqrt(np.mean(np.square(one.levels_db.mean(axis=0) - other.levels_db.mean(axis=0)))))


def _aligned_distance_db(made_db: np.ndarray, levels_db: np.ndarray) -> float:
    n = min(len(made_db), len(levels_db)) if len(made_db) > 1 else len(levels_db)
    return distance_db(made_db[:n], levels_db[:n])


def _corpus_mean_db(take: Take, others: list[Take]) -> float:
    mean_db = np.mean([other.levels_db.mean(axis=0) for other in others], axis=0)
    return distance_db(mean_db[None], take.levels_db)


def _nearest_other_db(take: Take, others: list[Take]) -> float | None:
    apart = [_aligned_distance_db(other.levels_db, take.levels_db) for other in others if other.sound != take.sound]
    return min(apart, default=None)


def _knobs_behind_still_db(
    instrument: Playable, trained: list[Take], decoded: dict[int, Decoded], seed: int
) -> float | None:
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(trained))[:N_RECORDINGS_SEARCHED].tolist()
    behind = []
    for take in (trained[index] for index in chosen):
        positions = random.random((N_POSITIONS, instrument.card.n_latents))
        frames = decode_points(instrument, Points(np.full(N_POSITIONS, take.note), positions))
        levels_db = band_levels_db(frames, instrument.card.spec)
        # The nearest position is the one nearest to the recording's mean over time. Its distance is then taken from all
        # frames of the recording.
        mean_db = take.levels_db.mean(axis=0)
        nearest = np.argmin(np.mean(np.square(levels_db - mean_db), axis=1))
        still_db = distance_db(decoded[id(take)].still_db, take.levels_db)
        behind.append(distance_db(levels_db[nearest][None], take.levels_db) - still_db)
    return _mean(behind)


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
