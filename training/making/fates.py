"""Decides for each file of a folder what is learned from the file, or why it is left out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import soundfile

from runtime.acoustics.pitch import N_CHROMA, note_name
from runtime.base.files import atomic_write
from training.corpus.recordings import Recording
from training.making.listening import CHORD, NOISE, NOTE, SHORT, SILENCE, SPEC, WANDERS, Heard, HeldNote, listen
from training.making.names import AGREES_SEMITONES, Named, octave_convention, read_names
from training.making.survey import Found, read_samples

LONGEST_USED_S = 20.0  # at most this much of a single note is used, so that no file outweighs the others
LONGEST_ANY_S = 60.0  # at most this much is used of a recording that is not a single note
IN_TUNE_CENTS = 3.0
CUT_MARGIN_S = 0.05  # this much is left out at both ends of a note that is cut out of a longer recording
LEAST_HELD_SHARE = 0.5  # held notes are cut out of a recording only if they fill at least this share of it
# Notes are cut out of a recording only if it has at least FEWEST_HELD held notes. If several of them have the same
# pitch, only the longest are cut out, at most MOST_OF_A_NOTE.
FEWEST_HELD, MOST_OF_A_NOTE = 2, 2
# The instrument learns only notes if at least FEWEST_NOTES files hold single notes, or at least LEAST_NOTES_SHARE of
# the audible files do.
FEWEST_NOTES, LEAST_NOTES_SHARE = 6, 0.5
CUTS = "cuts"
UNUSABLE = {
    SILENCE: "silence",
    SHORT: f"too short: less than {SPEC.frame_size / SPEC.sample_rate_hz:.2f} s",
    CHORD: "a chord, not a single note",
    WANDERS: "no single note: the pitch wanders, as in speech or a melody",
    NOISE: "no steady pitch: drums or noise",
}


@dataclass(frozen=True)
class Fate:
    """The decision about a file.

    name: the file's path in the folder.
    heard: as in Found.
    said: what the printed table says about the file.
    recordings: the recordings to learn, empty if the file is left out.
    contradiction: whether the note in the name differs from the note heard.
    """

    name: str
    heard: Heard | None
    said: str
    recordings: tuple[Recording, ...] = ()
    contradiction: bool = False

    @property
    def used(self) -> bool:
        """Whether the file has recordings to learn."""
        return bool(self.recordings)


@dataclass(frozen=True)
class Wishes:
    """The user's options.

    keep_tuning: do not correct the recordings' tuning.
    trust_names: use the notes in the names, not the notes heard.
    cuts: folder for the parts that are cut out of long recordings.
    """

    keep_tuning: bool = False
    trust_names: bool = False
    cuts: Path = Path(CUTS)


@dataclass(frozen=True)
class Decision:
    """The decision about a folder.

    only_notes: whether the instrument learns single notes of known pitch; if not, it learns any sound.
    fates: the decision about each file.
    octave: octaves to add to the notes in the files' names (`octave_convention`).
    """

    only_notes: bool
    fates: tuple[Fate, ...]
    octave: int = 0

    @property
    def recordings(self) -> list[Recording]:
        """All recordings to learn."""
        return [recording for fate in self.fates for recording in fate.recordings]


def decide(found: list[Found], folder: Path, wishes: Wishes, manifest: list[Recording] | None = None) -> Decision:
    """Decide about each file.

    manifest: the rows of the user's table, None if there is no table. A row overrides what its file's name says.
    """
    notes = [file for file in found if file.heard and file.heard.kind == NOTE]
    audible = [file for file in found if file.heard and file.heard.kind not in (SILENCE, SHORT)]
    melodies = [file for file in audible if _holds_notes(file.heard)]
    n_notes = len(notes) + len(melodies)
    only_notes = n_notes > 0 and (n_notes >= FEWEST_NOTES or n_notes >= LEAST_NOTES_SHARE * len(audible))
    pitches = [file.heard.pitch if file.heard else None for file in found]
    named = read_names([PurePath(file.name) for file in found], pitches, folder.resolve().name)
    rows = {row.path.resolve(): row for row in manifest or ()}
    named = [_by_manifest(name, rows.get(file.path.resolve())) for name, file in zip(named, found, strict=True)]
    octave = octave_convention([name.note for name in named], pitches)
    fates, seen = [], {}
    for file, name in zip(found, named, strict=True):
        same = seen.setdefault(file.digest, file.name) if file.heard else file.name
        row = rows.get(file.path.resolve())
        if same != file.name:
            fate = Fate(file.name, file.heard, f"left out: the same file as {same}")
        elif manifest is not None and row is None and file.heard is not None:
            fate = Fate(file.name, file.heard, "left out: not in the manifest")
        else:
            fate = _fate(file, name, octave, only_notes, wishes)
        if row is not None:
            stated = {"split": row.split, "source": row.source, "licence": row.licence}
            fate = replace(fate, recordings=tuple(replace(one, **stated) for one in fate.recordings))
        fates.append(fate)
    present = {file.path.resolve() for file in found}
    missing = [row.name for path, row in rows.items() if path not in present]
    fates += [Fate(name, None, "left out: in the manifest, but no such file") for name in missing]
    return Decision(only_notes, tuple(fates), octave)


def _by_manifest(name: Named, row: Recording | None) -> Named:
    if row is None:
        return name
    note = name.note if row.note is None else row.note
    return Named(row.sound or name.sound, note, name.velocity if row.velocity is None else row.velocity)


def _holds_notes(heard: Heard) -> bool:
    held_s = sum(note.end_s - note.start_s for note in heard.held)
    return len(heard.held) >= FEWEST_HELD and held_s >= LEAST_HELD_SHARE * (heard.duration_s - heard.onset_s)


def _fate(file: Found, name: Named, octave: int, only_notes: bool, wishes: Wishes) -> Fate:
    heard = file.heard
    if heard is None:
        return Fate(file.name, None, f"left out: {file.problem}")
    if heard.kind in (SILENCE, SHORT):
        return Fate(file.name, heard, f"left out: {UNUSABLE[heard.kind]}")
    if not only_notes:
        path, part = _shortened(file, LONGEST_ANY_S, wishes)
        recording = Recording(path, _name(path, file), sound=name.sound, velocity=name.velocity)
        return Fate(file.name, heard, f"used as {name.sound}{part}", (recording,))
    if heard.kind == NOTE:
        return _note_fate(file, name, octave, wishes)
    if _holds_notes(heard):
        return _melody_fate(file, name, wishes)
    return Fate(file.name, heard, f"left out: {UNUSABLE[heard.kind]}")


def _note_fate(file: Found, name: Named, octave: int, wishes: Wishes) -> Fate:
    note, contradiction = _choose_note(file.heard, name.note, octave, wishes.trust_names)
    cents = 100.0 * (file.heard.pitch - note)
    tuning, cents = _tuning(cents, wishes.keep_tuning)
    path, part = _shortened(file, LONGEST_USED_S, wishes)
    recording = Recording(
        path, _name(path, file), note=note, sound=name.sound, velocity=name.velocity, cents=round(cents, 1)
    )
    layer = "" if name.velocity is None else f", velocity {name.velocity}"
    said = f"used as {note_name(note)} of {name.sound}{layer}{part}{tuning}{contradiction}"
    return Fate(file.name, file.heard, said, (recording,), bool(contradiction))


def _choose_note(heard: Heard, named: int | None, octave: int, trust_names: bool) -> tuple[int, str]:
    """The note to learn, and a remark if the note in the file's name differs from the note heard.

    named: the MIDI note in the file's name, None if no note is in the name.
    octave: as in Decision.
    """
    ear = heard.note
    if named is None:
        return ear, ""
    if trust_names:
        agrees = abs(heard.pitch - named) <= AGREES_SEMITONES
        return named, "" if agrees else f"; as its name says, but it is heard as {note_name(ear)}"
    meant = named + N_CHROMA * octave
    if abs(heard.pitch - meant) <= AGREES_SEMITONES:
        return meant, ""
    if meant in heard.octaves:  # the note in the name is heard, too: whole octaves from the pitch
        return meant, f"; heard as {note_name(ear)} as well"
    return ear, f"; its name says {note_name(named)}, but it is heard as {note_name(ear)}"


def _tuning(cents: float, keep: bool) -> tuple[str, float]:
    """A remark on a recording's tuning, and by how many cents to correct it: 0 if `keep`.

    cents: how far the recording is above its note.
    """
    # The chosen note may differ from the note heard. If the two notes are whole octaves apart, only the cents beyond
    # the octaves are corrected. If they are not, nothing is corrected.
    if abs(cents) > 100.0 * AGREES_SEMITONES:
        octaves = round(cents / 100.0 / N_CHROMA)
        rest = cents - 100.0 * N_CHROMA * octaves
        return ("", 0.0) if not octaves or abs(rest) > 100.0 * AGREES_SEMITONES else _tuning(rest, keep)
    if abs(cents) < IN_TUNE_CENTS:
        return ", in tune", 0.0 if keep else cents
    way = "sharp" if cents > 0 else "flat"
    return f", {abs(cents):.0f} cents {way}, {'kept' if keep else 'put right'}", 0.0 if keep else cents


def _melody_fate(file: Found, name: Named, wishes: Wishes) -> Fate:
    recordings = []
    for number, held in enumerate(_longest(file.heard.held), start=1):
        start_s = held.start_s + CUT_MARGIN_S
        end_s = min(held.end_s - CUT_MARGIN_S, start_s + LONGEST_USED_S)
        path = _cut(file, start_s, end_s, f"{number:02d}-{note_name(held.note)}", wishes.cuts)
        heard = listen(read_samples(path))
        # Leave out a part that, heard alone, has another note. Perhaps it is two tones that together have the period
        # of a lower tone.
        if heard.note != held.note:
            continue
        cents = _tuning(100.0 * (heard.pitch - held.note), wishes.keep_tuning)[1]
        stated = {"note": held.note, "sound": name.sound, "velocity": name.velocity, "cents": round(cents, 1)}
        recordings.append(Recording(path, _name(path, file), **stated))
    if len(recordings) < FEWEST_HELD:
        return Fate(file.name, file.heard, f"left out: {UNUSABLE[WANDERS]}")
    notes = " ".join(dict.fromkeys(note_name(recording.note) for recording in recordings))
    said = f"used: {len(recordings)} held notes of {name.sound} were cut out of it ({notes})"
    return Fate(file.name, file.heard, said, tuple(recordings))


def _longest(held: tuple[HeldNote, ...]) -> list[HeldNote]:
    by_length = sorted(held, key=lambda one: one.start_s - one.end_s)
    chosen: list[HeldNote] = []
    for one in by_length:
        if sum(other.note == one.note for other in chosen) < MOST_OF_A_NOTE:
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.start_s)


def _shortened(file: Found, longest_s: float, wishes: Wishes) -> tuple[Path, str]:
    duration_s, onset_s = file.heard.duration_s, file.heard.onset_s
    if duration_s - onset_s <= 1.5 * longest_s:
        return file.path, ""
    path = _cut(file, onset_s, onset_s + longest_s, f"{longest_s:.0f}s", wishes.cuts)
    return path, f", {longest_s:.0f} of its {duration_s:.0f} s"


def _name(path: Path, file: Found) -> str:
    return file.name if path == file.path else os.path.relpath(path, file.path.parents[file.name.count("/")])


def _cut(file: Found, start_s: float, end_s: float, label: str, folder: Path) -> Path:
    path = folder / f"{file.digest}-{label}.wav"
    if not path.exists():
        rate_hz = SPEC.sample_rate_hz
        part = read_samples(file.path, end_s)[int(start_s * rate_hz) :]
        with atomic_write(path, "wb") as stream:
            soundfile.write(stream, part, rate_hz, subtype="FLOAT", format="WAV")
    return path
