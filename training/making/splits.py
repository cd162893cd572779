"""Chooses what to hold out of training: whole recordings if there are many, otherwise frames of each recording."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from training.corpus.recordings import BY_FRAME, Recording

FEWEST_FOR_WHOLE = 48  # with fewer recordings, none is held out whole
FEWEST_OF_A_SOUND = 6  # with fewer recordings of a sound, none of them is held out whole
HELD_OUT_SHARE = 0.1


def with_splits(recordings: list[Recording]) -> list[Recording]:
    """Give the recordings new splits; if each of them has a split already, return them unchanged.

    If there are many recordings, some are held out whole: never the lowest or highest note of a sound, and of each
    sound at most one recording in FEWEST_OF_A_SOUND. Otherwise some frames of each recording are held out.
    """
    if all(recording.split for recording in recordings):
        return recordings
    chosen = _held_out(recordings) if len(recordings) >= FEWEST_FOR_WHOLE else []
    if len(chosen) < 2:
        return [replace(recording, split=BY_FRAME) for recording in recordings]
    splits = {index: ("val", "test")[number % 2] for number, index in enumerate(chosen)}
    return [replace(recording, split=splits.get(index, "train")) for index, recording in enumerate(recordings)]


def _held_out(recordings: list[Recording]) -> list[int]:
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
