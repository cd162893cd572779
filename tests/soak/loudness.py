"""Measures how equal the loudness of all timbres is: `python -m tests.soak.loudness INSTRUMENT.onnx [--json F]`.

Random notes at random knob positions are rendered with noise phases and coherent phases, and with several seeds.
Loudness is as in ITU-R BS.1770, without the gate. Chance causes the spread between seeds; the timbres cause all other
spread.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runtime.base.command_line import Parser, run_program
from runtime.base.errors import UserError
from runtime.base.files import atomic_write
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from tests.soak.fuzz_midi import SAMPLE_RATE_HZ, TINY

LOWEST_NOTE, HIGHEST_NOTE = 36, 96
VELOCITY = 100
# After this many frames the attack is over, and K-weighting filters have settled.
N_SETTLE = SAMPLE_RATE_HZ // 5
PHASES = {"noise": 0.0, "coherent": 1.0}
LARGEST_SD_DB, LARGEST_RANGE_DB = 0.5, 2.0

Point = tuple[int, tuple[float, ...]]  # a note, and the positions of all knobs, 0 to 1


def loudness_lufs(sound: np.ndarray, n_settle: int, sample_rate_hz: int) -> float:
    """The loudness in LUFS of a sound without its first n_settle frames. sound: (n_frames, n_channels)."""
    weighted = k_weighted(sound, sample_rate_hz)[n_settle:]
    return float(-0.691 + 10.0 * np.log10(np.square(weighted).mean(axis=0).sum() + 1e-20))


def k_weighted(sound: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Filter a sound as in ITU-R BS.1770-4, annex 1. sound: (n_frames, n_channels).

    The filters are bilinear transforms of the standard's analogue filters, as in De Man, "Evaluation of implementations
    of the EBU R128 loudness measurement", AES 145, 2018.
    """
    n = 2 * len(sound)  # the second half is silence, in which the filters can ring
    z = np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n)
    response = np.ones_like(z)
    for numerator, denominator in (_shelf(sample_rate_hz), _high_pass(sample_rate_hz)):
        response *= np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    spectrum = np.fft.rfft(np.asarray(sound, np.float64), n, axis=0)
    return np.fft.irfft(spectrum * response[:, None], n, axis=0)[: len(sound)]


def _shelf(sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    warped, quality = np.tan(np.pi * 1681.974450955533 / sample_rate_hz), 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    numerator = [high + band * warped / quality + warped**2, 2 * (warped**2 - high),
                 high - band * warped / quality + warped**2]  # fmt: skip
    return np.array(numerator), _denominator(warped, quality)


def _high_pass(sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    warped, quality = np.tan(np.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    denominator = _denominator(warped, quality)
    # In the standard, the denominator begins with 1, and the numerator is 1, -2, 1. Here both are denominator[0] times
    # as large.
    return np.array([1.0, -2.0, 1.0]) * denominator[0], denominator


def _denominator(warped: float, quality: float) -> np.ndarray:
    side = warped / quality
    return np.array([1.0 + side + warped**2, 2 * (warped**2 - 1.0), 1.0 - side + warped**2])


def random_points(n_points: int, n_latents: int, seed: int) -> list[Point]:
    random = np.random.default_rng(seed)
    notes = random.integers(LOWEST_NOTE, HIGHEST_NOTE + 1, n_points)
    return [(int(note), tuple(random.random(n_latents).tolist())) for note in notes]


def measure(decoder: Decoder, points: Sequence[Point], phase: str, seconds: float, n_seeds: int) -> np.ndarray:
    voice = VoiceConfig(n_voices=1, envelope=Adsr(attack_s=0.0, release_s=0.01))
    loudness = np.zeros((len(points), n_seeds))
    for seed in range(n_seeds):
        config = Config(voice=voice, seed=seed, phase_blend=PHASES[phase])
        engine = Engine(decoder, sample_rate_hz=SAMPLE_RATE_HZ, config=config)
        for at, point in enumerate(points):
            loudness[at, seed] = _loudness_of(engine, point, seconds)
    return loudness


def _loudness_of(engine: Engine, point: Point, seconds: float) -> float:
    note, positions = point
    for latent, position in enumerate(positions):
        engine.post(KnobTurn(latent, position))
    engine.post(NoteOn(0, note, VELOCITY))
    sound = np.zeros((N_SETTLE + round(seconds * engine.sample_rate_hz), 2), np.float32)
    engine.render(sound)
    engine.post(NoteOff(0, note))
    engine.render(np.zeros((N_SETTLE, 2), np.float32))
    return loudness_lufs(sound, N_SETTLE, engine.sample_rate_hz)


def spread(loudness: np.ndarray) -> dict[str, float]:
    """How far the loudness varies from point to point, and how much of this is due to the timbres.

    loudness: in LUFS, (n_points, n_seeds).
    Returns:
    - `mean_lufs`: the mean of all values
    - `sd_db`: standard deviation over the points, averaged over the seeds
    - `range_db`: range over the points, averaged over the seeds
    - `chance_sd_db`: standard deviation over the seeds, from the variance averaged over the points
    - `own_sd_db`: standard deviation over the points, without the variance between seeds
    - `own_range_db`: range over the points, after each point's power has been averaged over the seeds
    """
    powers = 10.0 ** (loudness / 10.0)
    means = 10.0 * np.log10(powers.mean(axis=1))
    n_seeds = loudness.shape[1]
    chance = loudness.var(axis=1, ddof=1).mean() if n_seeds > 1 else 0.0
    return {
        "mean_lufs": float(loudness.mean()),
        "sd_db": float(loudness.std(axis=0).mean()),
        "range_db": float(np.ptp(loudness, axis=0).mean()),
        "chance_sd_db": float(np.sqrt(chance)),
        "own_sd_db": float(np.sqrt(max(0.0, means.var(ddof=1) - chance / n_seeds))),
        "own_range_db": float(np.ptp(means)),
    }


def run(arguments: argparse.Namespace) -> int:
    if arguments.points < 2 or arguments.seeds < 1 or not 0.1 <= arguments.seconds <= 60.0:
        found = f"{arguments.points} points, {arguments.seeds} seeds, {arguments.seconds} s"
        raise UserError("tests.soak.loudness", found, "at least 2 points, 1 seed, 0.1 to 60 s", "give other numbers")
    decoder = Decoder(arguments.instrument)
    points = random_points(arguments.points, decoder.card.n_latents, arguments.seed)
    report = {"instrument": decoder.card.name, "seconds": arguments.seconds, "n_seeds": arguments.seeds}
    for phase in PHASES:
        loudness = measure(decoder, points, phase, arguments.seconds, arguments.seeds)
        figures = spread(loudness)
        print(f"{phase:9s}" + "  ".join(f"{name} {value:6.2f}" for name, value in figures.items()))
        lines = [{"note": note, "knobs": knobs, "lufs": lufs.tolist()}
                 for (note, knobs), lufs in zip(points, loudness, strict=True)]  # fmt: skip
        report[phase] = {**figures, "points": lines}
    if arguments.json:
        with atomic_write(arguments.json, "wb", makes_folder=False) as stream:
            stream.write(json.dumps(report, indent=1).encode())
    even = all(
        report[phase]["sd_db"] <= LARGEST_SD_DB and report[phase]["range_db"] <= LARGEST_RANGE_DB for phase in PHASES
    )
    return 0 if even else 1


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.loudness", description=__doc__)
    parser.add_argument("instrument", type=Path, nargs="?", default=TINY, help="an exported instrument")
    parser.add_argument("--points", type=int, default=200, metavar="N", help="notes, each at its own knobs")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each note, after its attack")
    parser.add_argument("--seeds", type=int, default=4, metavar="N", help="noises that each note is played with")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the notes and knobs")
    parser.add_argument("--json", type=Path, metavar="F", help="where to write every figure")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
