"""Shows what was heard in a folder of recordings: a line for each file, and remarks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from runtime.acoustics.pitch import note_name
from training.corpus.recordings import Recording
from training.making.fates import Decision, Fate

NAME_WIDTH = 44
REACH_SEMITONES = 3  # a missing note this near to a recorded one is learned from it; other missing notes are transposed
DISAGREE_DB = 6.0  # recordings of one sound, note and velocity get a remark if their timbres differ by at least this
MOST_LISTED = 12


def table(decision: Decision) -> list[str]:
    """The lines of the table: the files of each sound, then the files that are left out."""
    groups: dict[str, list[Fate]] = defaultdict(list)
    for fate in decision.fates:
        groups[fate.recordings[0].sound if fate.used else ""].append(fate)
    lines = [f"{'file':{NAME_WIDTH}} {'heard':>6} {'cents':>5} {'level':>6} {'length':>7}  fate"]
    for sound in sorted(groups, key=lambda name: (not name, name.casefold())):
        files = groups[sound]
        lines.append(f"-- {sound}: {_count(len(files), 'file')}" if sound else f"-- left out: {len(files)}")
        lines += [_line(fate) for fate in sorted(files, key=_order)]
    return lines


def remarks(decision: Decision) -> list[str]:
    """Remarks on the whole folder, one line each."""
    by_sound = recordings_by_sound(decision)
    n_used = sum(fate.used for fate in decision.fates)
    n_files, n_sounds = len(decision.fates), len(by_sound)
    kind = "of single notes" if decision.only_notes else "of any kind: their pitch classes are detected"
    lines = [f"{n_used} of {_count(n_files, 'file')} used, taken for {_count(n_sounds, 'sound')} {kind}"]
    if decision.octave:
        way = "above" if decision.octave > 0 else "below"
        octaves = _count(abs(decision.octave), "octave")
        lines.append(f"what is heard lies {octaves} {way} the names: taken as the names' convention, the ear decides")
    if decision.only_notes:
        lines += [f"{sound}: {_notes_of(recordings)}" for sound, recordings in by_sound.items()]
        if len(decision.recordings) == 1:
            lines.append("an instrument made of one note is that note, transposed to every key")
    lines += [f"disagree: {line}" for line in disagreements(decision)]
    return lines


def recordings_by_sound(decision: Decision) -> dict[str, list[Recording]]:
    """The recordings to learn, by the name of the sound."""
    by_sound: dict[str, list[Recording]] = defaultdict(list)
    for recording in decision.recordings:
        by_sound[recording.sound].append(recording)
    return dict(sorted(by_sound.items(), key=lambda item: item[0].casefold()))


def disagreements(decision: Decision) -> Iterator[str]:
    """A line for each sound, note and velocity whose recordings differ much; it names the two that differ most."""
    groups: dict[tuple, list[Fate]] = defaultdict(list)
    for fate in decision.fates:
        if len(fate.recordings) == 1 and fate.recordings[0].note is not None:
            (recording,) = fate.recordings
            groups[recording.sound, recording.note, recording.velocity].append(fate)
    for (sound, note, _), fates in groups.items():
        levels = np.array([fate.heard.timbre_db for fate in fates])
        apart_db = np.sqrt(np.mean(np.square(levels[:, None] - levels), axis=2))
        first, second = np.unravel_index(apart_db.argmax(), apart_db.shape)
        if apart_db.max() >= DISAGREE_DB:
            files = f"{fates[first].name} and {fates[second].name}"
            yield f"{files} are both {note_name(note)} of {sound}, but {apart_db.max():.1f} dB apart"


def _notes_of(recordings: list[Recording]) -> str:
    notes = sorted({recording.note for recording in recordings})
    layers = {recording.velocity for recording in recordings}
    said = _count(len(recordings), "recording") + (f", {len(layers)} velocity layers" if len(layers) > 1 else "")
    if len(notes) == 1:
        return f"{said}, {note_name(notes[0])} only"
    missing = [note for note in range(notes[0], notes[-1]) if note not in notes]
    said += f", {note_name(notes[0])} to {note_name(notes[-1])}"
    if not missing:
        return f"{said}, no note between is missing"
    said += f", {_count(len(missing), 'note')} between {'is' if len(missing) == 1 else 'are'} missing"
    far = [note for note in missing if min(abs(note - other) for other in notes) > REACH_SEMITONES]
    if far:
        return f"{said}, far from any recorded one: {_listed(far)}"
    return f"{said}, {'all ' if len(missing) > 1 else ''}near enough to a recorded one"


def _listed(notes: list[int]) -> str:
    names = [note_name(note) for note in notes[:MOST_LISTED]]
    return " ".join(names) + (f" and {len(notes) - MOST_LISTED} more" if len(notes) > MOST_LISTED else "")


def _line(fate: Fate) -> str:
    heard = fate.heard
    cells = [""] * 4
    if heard is not None:
        cells[2:] = f"{heard.level_db:.0f} dB" if heard.level_db > -199.0 else "", f"{heard.duration_s:.1f} s"
        if heard.note is not None:
            cells[:2] = note_name(heard.note), f"{100.0 * (heard.pitch - heard.note):+.0f}"
    note, cents, level, length = cells
    return f"{_fitted(fate.name):{NAME_WIDTH}} {note:>6} {cents:>5} {level:>6} {length:>7}  {fate.said}"


def _fitted(name: str) -> str:
    half = (NAME_WIDTH - 1) // 2
    return name if len(name) <= NAME_WIDTH else f"{name[:half]}…{name[-half:]}"


def _order(fate: Fate) -> tuple:
    notes = [recording.note for recording in fate.recordings if recording.note is not None]
    return (min(notes, default=-1), fate.name)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"
