"""Chooses what is held out of training: single frames of a few recordings, whole recordings of many."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from training.corpus.recordings import BY_FRAME, Recording

FEWEST_FOR_WHOLE = 48  # recordings, for some of them to be held out whole
FEWEST_OF_A_SOUND = 6  # recordings of a sound, for one of them to be held out
HELD_OUT_SHARE = 0.1


def with_splits(recordings: list[Recording]) -> list[Recording]:
    """The same recordings, each with a split, unless they have one.

    Of many, whole recordings are held out: never the lowest or highest note of a sound, and of each sound at most one
    in FEWEST_OF_A_SOUND. Of few, each gives some of its frames.
    """
    if all(recording.split for recording in recordings):
        return recordings
    chosen = _held_out(recordings) if len(recordings) >= FEWEST_FOR_WHOLE else []
    if len(chosen) < 2:
        return [replace(recording, split=BY_FRAME) for recording in recordings]
    splits = {index: ("val", "test")[number % 2] for number, index in enumerate(chosen)}
    return [replace(recording, split=splits.get(index, "train")) for index, recording in enumerate(recordings)]


def _held_out(recordings: list[Recording]) -> list[int]:
    """The numbers of the recordings to hold out, from every sound in turn."""
    by_sound: dict[str, list[int]] = defaultdict(list)
    for index, recording in enumerate(recordings):
        if recording.note is not None:
            by_sound[recording.sound].append(index)
    queues = []
    for indices in by_sound.values():
        notes = sorted({recordings[index].note for index in indices})
        inner = [index for index in indices if notes[0] < recordings[index].note < notes[-1]]
        most = min(len(indices) // FEWEST_OF_A_SOUND, len(inner))
        queues.append([inner[(2 * place + 1) * len(inner) // (2 * most)] for place in range(most)])
    most = max(2, round(HELD_OUT_SHARE * len(recordings)))
    rounds = max((len(queue) for queue in queues), default=0)
    taken = [queue[number] for number in range(rounds) for queue in queues if number < len(queue)]
    return taken[:most]
