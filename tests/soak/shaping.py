"""Measures bandwidth and width.

Run as `python -m tests.soak.shaping [--seeds N] [--seconds S] [--bandwidth F.csv] [--width F.csv]`.

docs/shaping.md explains the two tables. Bandwidth is measured at each harmonic's peak in a mean spectrum, as the width
of the peak in Hz. With 60 s of sound, chance changes a narrow peak's width by about 8 per cent. Width is measured as
the correlation of left and right; the table also shows how much a width weakens the harmonics of the mono sum.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from runtime.base.command_line import Parser, run_program
from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.events import KnobTurn, NoteOn, PhaseBlend, PitchWheel
from tests.soak.loudness import loudness_lufs
from tests.support.line_width import N_LANES, harmonic, lane_sounds, line_width_hz, mean_spectrum, wanted_width_hz
from tests.support.playing import play
from tests.support.shaped import correlation, harmonic_levels_db, shaped_engine

NOTES, CENTS, RATES_HZ = (36, 48, 60, 84), (0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0), (44100, 48000)
PHASES = {"coherent": 1.0, "noise": 0.0}
# A harmonic is measured only if its wanted width is at least LEAST_WIDTH_HZ, and at most half the distance to the next
# harmonic.
LEAST_WIDTH_HZ = 10.0
HIGHEST_HZ = 15000.0
N_SETTLE = 4096
WIDTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
# (note, pitch wheel, resulting pitch) of a plain note, a note below the instrument's range, and a bent note.
PITCHES = ((60, 0, 60.0), (30, 0, 30.0), (60, 8191, 62.0))
LARGEST_ERROR, LARGEST_CHANGE_DB, LARGEST_CORRELATION, LARGEST_LOSS_DB = 0.15, 0.5, 0.2, 3.0

Row = dict[str, object]


def bandwidth_rows(seconds: float, n_seeds: int) -> Iterator[Row]:
    """One row for each sample rate, kind of phases, note and bandwidth.

    A ratio is a harmonic's measured width divided by its wanted width.
    louder_db: the loudness, minus the loudness with bandwidth 0.
    """
    for rate_hz in RATES_HZ:
        for name, blend in PHASES.items():
            for note in NOTES:
                magnitudes, fundamental_hz = harmonic(note)
                loudness_at_0 = 0.0
                for cents in CENTS:
                    spectra = []
                    for seed in range(n_seeds):
                        sounds = lane_sounds(magnitudes, rate_hz, seconds / N_LANES, [cents], blend, seed=seed)
                        spectra.append(mean_spectrum(sounds, rate_hz, 0.7))
                    loudness = _loudness(sounds, rate_hz)
                    loudness_at_0 = loudness if cents == 0.0 else loudness_at_0
                    frequencies, power = np.mean(spectra, axis=0)
                    ratios = _width_ratios(frequencies, power, fundamental_hz, cents, blend)
                    yield {
                        "sample_rate_hz": rate_hz,
                        "phases": name,
                        "note": note,
                        "cents": cents,
                        "n_harmonics": len(ratios),
                        "mean_ratio": f"{np.mean(ratios):.3f}" if ratios else "",
                        "least_ratio": f"{min(ratios):.3f}" if ratios else "",
                        "greatest_ratio": f"{max(ratios):.3f}" if ratios else "",
                        "louder_db": f"{loudness - loudness_at_0:.2f}",
                    }


def _width_ratios(
    frequencies: np.ndarray, power: np.ndarray, fundamental_hz: float, cents: float, blend: float
) -> list[float]:
    ratios = []
    for number in range(1, int(min(60.0, HIGHEST_HZ / fundamental_hz)) + 1):
        wanted_hz = wanted_width_hz(number * fundamental_hz, cents, blend)
        if LEAST_WIDTH_HZ <= wanted_hz <= 0.5 * fundamental_hz:
            width_hz = line_width_hz(frequencies, power, number * fundamental_hz, wanted_hz, fundamental_hz)
            ratios.append(width_hz / wanted_hz)
    return ratios


def _loudness(sounds: np.ndarray, rate_hz: int) -> float:
    powers = [10.0 ** (loudness_lufs(sound[:, None], N_SETTLE, rate_hz) / 10.0) for sound in sounds]
    return float(10.0 * np.log10(np.mean(powers)))


def width_rows(seconds: float) -> Iterator[Row]:
    """One row for each blend, pitch, bandwidth and width.

    A loss is the number of dB by which the width lowers a harmonic of the mono sum. Harmonics more than 30 dB below the
    loudest do not count.
    """
    for blend in (0.0, 0.5, 1.0):
        for note, bend, pitch in PITCHES:
            for cents in (0.0, 15.0):
                at_0 = np.zeros(0)
                for width in WIDTHS:
                    engine = shaped_engine(cents, width)
                    events = [PhaseBlend(blend), KnobTurn(0, 0.9), PitchWheel(0, bend), NoteOn(0, note, 40)]
                    n_frames = N_SETTLE + round(seconds * engine.sample_rate_hz)
                    sound = play(engine, [(0, event) for event in events], n_frames)[N_SETTLE:]
                    levels = harmonic_levels_db(sound.mean(axis=1), pitch)
                    at_0 = levels if width == 0.0 else at_0
                    loss = (at_0 - levels)[at_0 > at_0.max() - 30.0]
                    yield {
                        "blend": blend,
                        "pitch": pitch,
                        "cents": cents,
                        "width": width,
                        "correlation": f"{correlation(sound):.3f}",
                        "mean_loss_db": f"{loss.mean():.2f}",
                        "largest_loss_db": f"{loss.max():.2f}",
                    }


def faults(bandwidths: Sequence[Row], widths: Sequence[Row]) -> list[str]:
    """One line for each row that does not meet the requirements in docs/shaping.md."""
    found = []
    for row in bandwidths:
        ratios = [float(row[name]) for name in ("least_ratio", "greatest_ratio") if row[name]]
        if (
            any(abs(ratio - 1.0) > LARGEST_ERROR for ratio in ratios)
            or abs(float(row["louder_db"])) > LARGEST_CHANGE_DB
        ):
            found.append(f"bandwidth: {row}")
    for row in widths:
        too_alike = row["width"] == 1.0 and abs(float(row["correlation"])) > LARGEST_CORRELATION
        if too_alike or float(row["largest_loss_db"]) > LARGEST_LOSS_DB:
            found.append(f"width: {row}")
    return found


def run(arguments: argparse.Namespace) -> int:
    if not (32.0 <= arguments.seconds <= 600.0 and 1 <= arguments.seeds <= 100):
        found = f"{arguments.seconds} s, {arguments.seeds} seeds"
        raise UserError("tests.soak.shaping", found, "32 to 600 s, 1 to 100 seeds", "give other numbers")
    tables = []
    for rows, path in (
        (bandwidth_rows(arguments.seconds, arguments.seeds), arguments.bandwidth),
        (width_rows(arguments.seconds / 10.0), arguments.width),
    ):
        tables.append([])
        for row in rows:
            tables[-1].append(row)
            print(*row.values(), flush=True)
        if path:
            with atomic_write(path, "wb", makes_folder=False) as stream:
                stream.write(_as_csv(tables[-1]))
    broken = faults(*tables)
    print(*broken, sep="\n")
    return 1 if broken else 0


def _as_csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.shaping", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of sound for each bandwidth")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="noises that each bandwidth is played with")
    parser.add_argument("--bandwidth", type=Path, metavar="F", help="where to write the table of bandwidths")
    parser.add_argument("--width", type=Path, metavar="F", help="where to write the table of widths")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
