"""Turn a recording, or a folder of recordings, into sounds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runtime.base.command_line import at_least
from runtime.base.errors import UserError
from runtime.base.files import refuse_bad_target, write_json
from runtime.base.progress import Progress
from runtime.base.signals import signals_as_exceptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `encode`."""
    parser.add_argument("recording", type=Path, metavar="SOUND|FOLDER", help="WAV, FLAC, OGG, MP3 or AIFF")
    parser.add_argument("--instrument", metavar="NAME|FILE.onnx", help="whose sound it becomes (see: instruments)")
    out = "the sound to write, or for a folder the folder of sounds (default: named after the recording, here)"
    parser.add_argument("--out", type=Path, metavar="F.yaml", help=out)
    most = "at most so many readings, 1 to 4, into F.yaml, F-2.yaml, … (default: 4, for a folder 1)"
    parser.add_argument("--candidates", type=at_least(1), metavar="N", help=most)
    colour = "how much of the recording's own colour is kept, 0 to 1 (default: 1)"
    parser.add_argument("--colour", type=_share, default=1.0, metavar="0..1", help=colour)
    parser.add_argument("--keep-tuning", action="store_true", help="leave the recording out of tune, if it is so")
    parser.add_argument("--json", type=Path, metavar="F", help="also write the candidates as JSON")
    parser.add_argument("--force", action="store_true", help="replace files that are already there")


def run(arguments: argparse.Namespace) -> int:
    """Write the sounds. Print a sound's note and its distance from the recording; for a folder, the mean distance."""
    from runtime.encoding.candidates import MOST_CANDIDATES, Options, coder_of
    from runtime.encoding.writing import refuse_taken, sound_path
    from runtime.instrument.encoder import load_encoder
    from runtime.instrument.library import load

    path, is_bank = arguments.recording, arguments.recording.is_dir()
    most = min(arguments.candidates or (1 if is_bank else MOST_CANDIDATES), MOST_CANDIDATES)
    options = Options(most, arguments.colour, arguments.keep_tuning)
    if arguments.json:
        refuse_bad_target(arguments.json, inputs=[] if is_bank else [path])
    if not is_bank:
        out = sound_path(path, arguments.out)
        refuse_taken(out, most, arguments.force, path)
    decoder = load(arguments.instrument)
    encoder = load_encoder(decoder)
    coder = coder_of(decoder, encoder)
    inputs = [decoder.path, encoder.path, *([] if is_bank else [path])]
    if arguments.json:
        refuse_bad_target(arguments.json, inputs=inputs)
    with signals_as_exceptions():
        rows = _bank(arguments, coder, options) if is_bank else _one(path, out, coder, options)
        if arguments.json:
            write_json(arguments.json, {"candidates": rows}, inputs=inputs)
    return 0


def _one(path: Path, out: Path, coder: object, options: object) -> list[dict[str, object]]:
    from runtime.encoding.candidates import encode_recording
    from runtime.encoding.writing import write_candidates

    candidates = encode_recording(path, coder, options)
    files = write_candidates(out, candidates, path)
    rows = [_row(file, candidate) for file, candidate in zip(files, candidates, strict=True)]
    for row, candidate in zip(rows, candidates, strict=True):
        print(_line(row, candidate))
    if not candidates[0].reading.take.pitch.is_single:
        print(f"timbrebox: {_no_note(path, candidates[0])}", file=sys.stderr)
    return rows


def _bank(arguments: argparse.Namespace, coder: object, options: object) -> list[dict[str, object]]:
    from runtime.encoding.candidates import encode_recording
    from runtime.encoding.writing import bank_paths, refuse_taken, write_candidates

    folder, paths = bank_paths(arguments.recording, arguments.out)
    rows: list[dict[str, object]] = []
    n_used = 0
    with Progress("encode", len(paths)) as progress:
        for number, (path, out) in enumerate(paths.items(), start=1):
            try:
                refuse_taken(out, options.most, arguments.force, path)
                candidates = encode_recording(path, coder, options)
                files = write_candidates(out, candidates, path)
            except UserError as error:
                progress.say(f"skipped {error}")
                continue
            n_used += 1
            rows += [_row(file, candidate) for file, candidate in zip(files, candidates, strict=True)]
            if not candidates[0].reading.take.pitch.is_single:
                progress.say(_no_note(path, candidates[0]))
            progress.update(number, path.name)
    if not n_used:
        remedy = "see the lines above"
        raise UserError(arguments.recording, f"none of {len(paths)} recordings usable", "at least one", remedy)
    mean_db = sum(row["distance_db"] for row in rows) / len(rows)
    skipped = f", {len(paths) - n_used} skipped" if n_used < len(paths) else ""
    print(f"{folder}: {n_used} sounds{skipped}, on average {mean_db:.1f} dB from their recordings")
    return rows


def _row(file: Path, candidate: object) -> dict[str, object]:
    reading = candidate.reading
    nearest_db = reading.nearest_trained_db
    return {
        "file": str(file),
        "distance_db": round(reading.distance_db, 3),
        "note": reading.note,
        "nearest_trained_db": None if nearest_db is None else round(nearest_db, 3),
        "nearest_trained": reading.nearest,
        "kind": candidate.kind or "first",
        "cents": round(reading.take.pitch.cents, 1),
        "is_single_note": reading.take.pitch.is_single,
    }


def _line(row: dict[str, object], candidate: object) -> str:
    from runtime.acoustics.pitch import note_name

    kind = f" ({candidate.kind})" if candidate.kind else ""
    tuning = f", {row['cents']:+.0f} cents" if abs(row["cents"]) >= 1.0 else ""
    nearest = ""
    if row["nearest_trained_db"] is not None:
        nearest = f"; nearest trained sound: {row['nearest_trained']}, {row['nearest_trained_db']:.1f} dB"
    return f"{row['file']}{kind}: {note_name(row['note'])}{tuning}, {row['distance_db']:.1f} dB from it{nearest}"


def _no_note(path: Path, candidate: object) -> str:
    return (
        f"{path}: no single held note is heard in it (a chord, speech or noise?); "
        f"what was written is its nearest sound, {candidate.reading.distance_db:.1f} dB away"
    )


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"found {text}; expected a number from 0 to 1; change it")
    return value
