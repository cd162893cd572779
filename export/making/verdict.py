"""Says in plain words how good an instrument is, from its figures."""

from __future__ import annotations

from typing import Any

from runtime.acoustics.pitch import note_name

GOOD_DB, FAIR_DB = 4.0, 6.0  # highest path_db (training/measure/likeness.py) for "well", and for "fairly well"
MOST_DRAWN = 8  # most sounds among which one is recognised in a trial (`told_apart`, training/measure/likeness.py)


def verdict(figures: dict[str, Any], n_sounds: int, frames_held_out: bool) -> list[str]:
    """The verdict, one sentence a line.

    figures: what `export` in export/making/trained.py returns.
    n_sounds: number of sounds in the corpus.
    frames_held_out: whether single frames, not whole recordings, were held out of training.
    """
    lines = [*_likeness(figures, n_sounds), *_told_apart(figures, n_sounds), *_held_out(figures, frames_held_out)]
    return lines + _tuning(figures)


def key_warning(figures: dict[str, Any]) -> str | None:
    """The warning that names the keys out of tune; None if all are in tune."""
    keys = figures["keys_out_of_tune"]
    if not keys:
        return None
    named = ", ".join(note_name(key) for key in keys)
    return f"out of tune at many knob positions: {named}; record these notes, or train longer (--minutes)"


def _likeness(figures: dict[str, Any], n_sounds: int) -> list[str]:
    path_db = figures["path_db"]
    mean_db = figures.get("corpus_mean_db") if n_sounds > 1 else None  # with one sound, the mean says nothing
    if path_db is None:
        return []
    quality = "well" if path_db <= GOOD_DB else "fairly well" if path_db <= FAIR_DB else "poorly"
    beside = ""
    if mean_db is not None:
        beside = f" (the mean of all its sounds would be {mean_db:.1f} dB)"
        if path_db >= mean_db:
            quality = "no better than the mean of all its sounds"
    still = f"held still, {figures['still_db']:.1f} dB"
    lines = [f"follows its recordings {quality}: {path_db:.1f} dB apart{beside}; {still}"]
    change = figures.get("change_correlation")
    if change is not None:
        lines.append(f"their change over time is followed with correlation {change:.2f} (1 would be exactly)")
    return lines


def _told_apart(figures: dict[str, Any], n_sounds: int) -> list[str]:
    still, path = figures.get("told_apart_still"), figures.get("told_apart_path")
    if path is None:
        return []
    chance = 1.0 / min(MOST_DRAWN, max(n_sounds, 2))
    return [
        f"its sounds are told apart in {_percent(path)} of trials, held still in {_percent(still)} "
        f"(by chance about {_percent(chance)})"
    ]


def _held_out(figures: dict[str, Any], frames_held_out: bool) -> list[str]:
    path_db = figures.get("heldout_path_db")
    if path_db is None:
        return []
    what = "moments" if frames_held_out else "recordings"
    return [f"{what} that it was not taught: {path_db:.1f} dB apart"]


def _tuning(figures: dict[str, Any]) -> list[str]:
    if figures["in_tune"] is None:
        return ["it knows pitch classes, but no octaves: how well it is in tune was not measured"]
    lines = [f"in tune {_percent(figures['in_tune'])}, an octave off {_percent(figures['octave_off'])}"]
    warning = key_warning(figures)
    return lines + ([f"WARNING: {warning}"] if warning else [])


def _percent(share: float) -> str:
    digits = 1 if 0.9 < share < 1.0 else 0
    return f"{100.0 * share:.{digits}f} %"
