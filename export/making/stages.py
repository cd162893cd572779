"""The stages of `make`: listen, decide, train with previews, measure, export, report.

The work folder gets everything but the instrument. An interrupted `make` resumes from the work folder.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.instrument import instrument_paths
from export.making.verdict import key_warning, verdict
from runtime.base.errors import UserError
from runtime.base.files import read_json, refuse_bad_target, write_json
from runtime.base.progress import clock
from training.corpus.manifest import listed
from training.corpus.recordings import BY_FRAME, Recording
from training.making.fates import CUTS, Decision, Wishes, decide
from training.making.learning import RUN, Training, build_corpus, choose_recipe, read_history
from training.making.splits import with_splits
from training.making.survey import survey
from training.making.table import recordings_by_sound, remarks, table

STATE, HEARD, REPORT, MANIFEST = "make.json", "heard.json", "report.html", "manifest.csv"
# The time for everything, if --minutes gives none: BASE_S plus SECONDS_A_RECORDING for each recording, at most
# MOST_MINUTES.
MOST_MINUTES, BASE_S, SECONDS_A_RECORDING = 13.0, 150.0, 6.5
# The time for measuring, export and report: a fixed part, a part for each recording, and one for each sound.
AFTERWARDS_S, AFTERWARDS_A_RECORDING_S, AFTERWARDS_A_SOUND_S = 45.0, 0.2, 4.0
LEAST_TRAINING_S = 20.0
SHORTEST_S = 0.75  # all used recordings together must last this long; in less, no frame could be held out
N_PREVIEWED = 6  # recordings in a preview
RESULTS = ("in_tune", "octave_off", "path_db", "still_db", "heldout_path_db", "change_correlation")
RESULTS += ("told_apart_still", "told_apart_path")


@dataclass(frozen=True)
class Order:
    """The options of `make`. A file or a time that the user has not given is None.

    out: the path of the instrument to write.
    work: the work folder.
    """

    folder: Path
    name: str
    out: Path
    work: Path
    keep_tuning: bool = False
    trust_names: bool = False
    manifest: Path | None = None
    json: Path | None = None
    minutes: float | None = None
    recipe: Path | None = None
    force: bool = False


def make(order: Order) -> dict[str, Any]:
    """Make the instrument; UserError if no file is usable.

    Returns the measured values and the lists of used and of skipped files, all by name.
    """
    begun_s = time.monotonic()
    _refuse_targets(order)
    decision = listen(order)
    recipe = choose_recipe(decision, order.recipe)
    store = build_corpus(decision, order.name, order.work, recipe)
    seconds = _whole_s(order, decision) - (time.monotonic() - begun_s)
    seconds -= AFTERWARDS_S + AFTERWARDS_A_RECORDING_S * len(decision.recordings)
    seconds -= AFTERWARDS_A_SOUND_S * len(recordings_by_sound(decision))
    from export.making.playing import choose_examples, read_example  # imports TensorFlow

    examples = [read_example(one, store.spec.sample_rate_hz) for one in choose_examples(decision.recordings)]

    def preview(n_epochs: int) -> None:
        from export.making.playing import write_preview
        from export.making.trained import Trained

        path = order.work / f"preview-{n_epochs:03d}.wav"
        trained = Trained.open(order.work / RUN, store, even=False)
        write_preview(trained.sounding, examples[:N_PREVIEWED], path)
        print(f"to hear how far it is: {path}", flush=True)

    Training(recipe, store, order.work / RUN, max(seconds, LEAST_TRAINING_S), preview).run()
    return _finish(order, decision, store, examples, begun_s)


def listen(order: Order) -> Decision:
    """Listen to every file, decide how to use it, and print the table.

    UserError if no file is usable, or if all usable files together are shorter than SHORTEST_S.
    """
    manifest = order.manifest or order.folder / MANIFEST
    rows = _rows_of(manifest, order)
    found = survey(order.folder, order.work / HEARD, leave_out=(order.work, manifest))
    decision = decide(found, order.folder, Wishes(order.keep_tuning, order.trust_names, order.work / CUTS), rows)
    if decision.fates:
        print(*table(decision), sep="\n")
    if rows is not None:
        print(f"names and notes are taken from {manifest}")
    _refuse_nothing(order, decision)
    print(*remarks(decision), sep="\n", flush=True)
    return decision


def _rows_of(manifest: Path, order: Order) -> list[Recording] | None:
    """The recordings that the manifest lists.

    If --manifest is not given, and the default file is missing or is no manifest, the result is None.
    """
    if order.manifest is None and not manifest.is_file():
        return None
    try:
        return listed(manifest, order.folder)
    except UserError as error:
        if order.manifest is not None:
            raise
        print(f"not used: {error}")
        return None


def _finish(order: Order, decision: Decision, store: Any, examples: list[Any], begun_s: float) -> dict[str, Any]:
    from export.making.page import Report, write_page
    from export.making.trained import Trained, export, exported, keys_out_of_tune

    trained = Trained.open(order.work / RUN, store)
    print("measuring", flush=True)
    known = {"keys_out_of_tune": keys_out_of_tune(trained) if trained.knows_notes else []}
    warning = key_warning(known)
    if warning:
        print(f"WARNING: {warning}", flush=True)
    _write_state(order, exported=True)
    known |= {"seconds": round(time.monotonic() - begun_s, 1)} | _files(decision)
    figures = export(trained, order.out, order.name, order.folder, known)
    frames_held_out = with_splits(decision.recordings)[0].split == BY_FRAME
    lines = verdict(figures, len(recordings_by_sound(decision)), frames_held_out)
    play = f"./timbrebox play --instrument {shlex.quote(str(order.out))}"
    pairs = [_pair(exported(order.out), example) for example in examples]
    history = read_history(order.work / RUN)
    rate_hz = store.spec.sample_rate_hz
    page = Report(order.name, lines, remarks(decision), pairs, decision.fates, history, play, figures, rate_hz)
    write_page(order.work / REPORT, page)
    results = {name: figures[name] for name in RESULTS} | _files(decision)
    results |= {"seconds": round(time.monotonic() - begun_s, 1), "keys_out_of_tune": figures["keys_out_of_tune"]}
    if order.json:
        write_json(order.json, results)
    _write_state(order, exported=True, finished=True)
    print("", *lines, f"made in {clock(results['seconds'])}", sep="\n")
    print(f"report: {order.work / REPORT} (nothing else in its folder is needed any more)")
    print(f"play it: {play}")
    return results


def _pair(instrument: Any, example: Any) -> Any:
    from export.making.page import Pair
    from export.making.playing import apart_db, play_like

    played = play_like(instrument, example)
    if played is None:
        return Pair(example.recording, example.samples)
    return Pair(example.recording, example.samples, played, apart_db(example, played, instrument.playable.card.spec))


def _files(decision: Decision) -> dict[str, Any]:
    skipped = [{"file": fate.name, "reason": _reason(fate.said)} for fate in decision.fates if not fate.used]
    return {"used": [fate.name for fate in decision.fates if fate.used], "skipped": skipped}


def _reason(said: str) -> str:
    return said.removeprefix("left out: ")


def _whole_s(order: Order, decision: Decision) -> float:
    if order.minutes is not None:
        return 60.0 * order.minutes
    return min(60.0 * MOST_MINUTES, BASE_S + SECONDS_A_RECORDING * len(decision.recordings))


def _refuse_targets(order: Order) -> None:
    """UserError if `make` cannot use the paths that it was given.

    - The folder of recordings must exist.
    - The work folder must be new, empty, or from an earlier `make`.
    - The instrument and the JSON file must be writable.
    - The instrument must not exist yet, unless --force is given. A resumed `make` is allowed to replace the
      instrument that it began to write before.
    """
    state = _read_state(order)
    if order.work.exists() and not (order.work / STATE).is_file() and any(order.work.iterdir()):
        raise UserError(order.work, "a folder of other things", "a new folder, or one of make", "give another --work")
    instrument_paths(order.out, order.force or bool(state.get("exported") and not state.get("finished")))
    if order.json:
        refuse_bad_target(order.json)
    if not order.folder.is_dir():
        found = "a file" if order.folder.exists() else "no such folder"
        raise UserError(order.folder, found, "a folder of recordings", "check the path")
    _write_state(order, exported=bool(state.get("exported") and not state.get("finished")))


def _refuse_nothing(order: Order, decision: Decision) -> None:
    n_files = len(decision.fates)
    if not n_files:
        raise UserError(order.folder, "no files", "recordings of single notes", "put some there")
    expected = "at least one recording of a single note"
    if not decision.recordings:
        reasons = list(dict.fromkeys(_reason(fate.said) for fate in decision.fates))
        named = "; ".join(reasons[:3]) + ("; …" if len(reasons) > 3 else "")
        found = f"{n_files} file{'s' * (n_files != 1)}, none usable ({named})"
        raise UserError(order.folder, found, expected, "record some, each note held for a second or more")
    used_s = sum(fate.heard.duration_s for fate in decision.fates if fate.used)
    if used_s < SHORTEST_S:
        raise UserError(order.folder, f"{used_s:.2f} s of usable sound", f"{SHORTEST_S} s or more", "record more")


def _read_state(order: Order) -> dict[str, Any]:
    path = order.work / STATE
    return read_json(path) if path.is_file() else {}


def _write_state(order: Order, exported: bool, finished: bool = False) -> None:
    write_json(order.work / STATE, {"out": str(order.out), "exported": exported, "finished": finished})
