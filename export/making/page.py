"""Writes report.html, a page about a newly made instrument. The page needs neither other files nor JavaScript."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from export.making.curve import learning_curve
from export.making.playing import equally_loud
from runtime.acoustics.pitch import note_name
from runtime.base.files import atomic_write
from training.corpus.recordings import Recording
from training.making.fates import Fate

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}
h1,h2{line-height:1.2}table{border-collapse:collapse;width:100%;font-size:14px}
td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid #ddd;vertical-align:top}
audio{height:2.2em;width:15em}.warning{background:#fde8d8;padding:.3em .6em}.out td{color:#777}
.scroll{overflow-x:auto}svg{max-width:100%;height:auto}code{background:#f2f2f2;padding:.1em .3em}"""


@dataclass(frozen=True)
class Pair:
    """A recording and the instrument's version of it.

    original: the beginning of the recording, in tune, float32 (n_original,).
    played: the instrument's version, float32 (n_played,).
    apart_db: the distance between these two sounds.
    If the recording is too short to be encoded, `played` and `apart_db` are None.
    """

    recording: Recording
    original: np.ndarray
    played: np.ndarray | None = None
    apart_db: float | None = None


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    verdict: lines about the instrument; the page highlights a line that begins with WARNING.
    remarks: lines about the folder of recordings.
    fates: what became of each file.
    history: one row per epoch.
    play: the command that plays the instrument.
    figures: what `export` in trained.py returned.
    """

    name: str
    verdict: Sequence[str]
    remarks: Sequence[str]
    pairs: Sequence[Pair]
    fates: Sequence[Fate]
    history: Sequence[dict[str, Any]]
    play: str
    figures: dict[str, Any]
    rate_hz: int


def write_page(path: Path, report: Report) -> None:
    """Write the page, whole or not at all."""
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>{escape(report.name)}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>',
        f"<h1>{escape(report.name)}</h1>",
        *(_verdict_line(line) for line in report.verdict),
        f"<p>Play it: <code>{escape(report.play)}</code></p>",
        _sounds(report),
        "<h2>What became of each file</h2>",
        *(f"<p>{escape(line)}</p>" for line in report.remarks),
        _files(report.fates),
        "<h2>Training</h2>",
        learning_curve(report.history),
        "<h2>All figures</h2>",
        _figures(report.figures),
        "</html>\n",
    ]
    with atomic_write(path) as stream:
        stream.write("\n".join(parts))


def _verdict_line(line: str) -> str:
    kind = ' class="warning"' if line.startswith("WARNING") else ""
    return f"<p{kind}>{escape(line)}</p>"


def _sounds(report: Report) -> str:
    rows = []
    for pair in report.pairs:
        note = "" if pair.recording.note is None else note_name(pair.recording.note)
        played = "too short" if pair.played is None else _audio(pair.played, report.rate_hz)
        rows.append(
            f"<tr><td>{escape(pair.recording.sound)}</td><td>{note}</td>"
            f"<td>{_audio(pair.original, report.rate_hz)}</td><td>{played}</td><td>{_apart(pair)}</td></tr>"
        )
    head = "<tr><th>sound</th><th>note</th><th>recording</th><th>instrument</th><th>apart</th></tr>"
    about = (
        "The instrument's side is played by the engine that plays it live: the recording went through the network "
        "moment by moment, and gave the knobs and the level. Both sides are equally loud."
    )
    table = f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'
    return f"<h2>Recording beside instrument</h2><p>{about}</p>{table}"


def _apart(pair: Pair) -> str:
    return "" if pair.apart_db is None else f"{pair.apart_db:.1f} dB"


def _audio(samples: np.ndarray, rate_hz: int) -> str:
    """An HTML audio element that holds the sound as MP3, which every browser plays."""
    stream = io.BytesIO()
    soundfile.write(stream, equally_loud(samples), rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<audio controls preload="none" src="data:audio/mpeg;base64,{data}"></audio>'


def _files(fates: Sequence[Fate]) -> str:
    rows = []
    for fate in sorted(fates, key=lambda fate: (not fate.used, fate.name)):
        heard = fate.heard
        note = f"{note_name(heard.note)} {100 * (heard.pitch - heard.note):+.0f} cents" if heard and heard.pitch else ""
        level = f"{heard.level_db:.0f} dB" if heard and heard.level_db > -199.0 else ""
        length = f"{heard.duration_s:.1f} s" if heard else ""
        cells = (fate.name, note, level, length, fate.said)
        kind = "" if fate.used else ' class="out"'
        rows.append(f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>file</th><th>heard</th><th>level</th><th>length</th><th>fate</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _figures(figures: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(_shown(value))}</td></tr>"
        for name, value in figures.items()
        if not isinstance(value, list | dict)
    )
    return f"<p>Shares are 0 to 1; names that end in _db are distances in dB.</p><table>{rows}</table>"


def _shown(value: Any) -> str:
    return "not known" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
