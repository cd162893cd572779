"""Measures the reverb and draws docs/reverb.png: `python -m tests.soak.effects [--picture F.png]`.

docs/effects.md explains what is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in runtime/__main__.py

import numpy as np

from runtime.base.command_line import Parser, run_program
from runtime.config import ChorusConfig, EffectsConfig, EqualiserConfig, ReverbConfig
from runtime.effects.effects import Effects
from tests.support.effects import noise, play, silence
from tests.support.room import (
    BANDS_HZ,
    FLATNESS_OF_NOISE,
    decay_curve_db,
    decay_time_s,
    echo_density,
    impulse_response,
    in_band,
    tail_flatness,
    wanted_decays_s,
)

RATE_HZ = 44100
SIZES_M, DECAYS_S = (5.0, 10.0, 22.0, 40.0), (0.3, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0)
ROOMS = {5.0: 0.5, 8.0: 3.0, 22.0: 2.2, 40.0: 5.0}  # size in m, decay in s
SHADES = ((0.0, 1.0), (0.6, 1.1), (1.0, 2.0))  # damping and bass
PLACES = np.arange(0.1, 1.0, 0.1)  # where the measured parts of the tail begin, in units of the decay time
LARGEST_ERROR, LEAST_FLATNESS, LOUDEST = 0.1, 0.3, 60.0
# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS, STYLES, MARKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), ("-", "--", "-.", ":"), "os^D"


def densities() -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """For each room size in m: times in ms after the first reflection, and the echo density at these times."""
    found = {}
    for size_m, decay_s in ROOMS.items():
        sound = impulse_response(ReverbConfig(size_m=size_m, decay_s=decay_s), 0.4, RATE_HZ, (1.0, 0.0))
        start = np.flatnonzero(np.abs(sound).max(axis=1) > 1e-5)[0]
        # Silence is put before the sound, so that the first reflection is in the middle of the first window.
        sound = np.concatenate((silence(RATE_HZ // 100), sound[start:]))
        sides = [echo_density(side, RATE_HZ)[1] for side in sound.T]
        found[size_m] = 2.0 * np.arange(len(sides[0])), np.mean(sides, axis=0)
    return found


def decay_errors() -> list[tuple[ReverbConfig, tuple[float, ...]]]:
    """For each room: the settings, and for each band the measured decay time divided by the wanted time."""
    found = []
    for decay_s in DECAYS_S:
        for size_m in SIZES_M:
            for damping, bass in SHADES:
                settings = ReverbConfig(size_m=size_m, decay_s=decay_s, damping=damping, bass=bass)
                sound = _two_clicks(settings, decay_s * max(1.0, bass) + 0.4)
                ratios = [
                    decay_time_s(in_band(sound, centre_hz, RATE_HZ), RATE_HZ) / wanted_s
                    for centre_hz, wanted_s in zip(BANDS_HZ, wanted_decays_s(settings), strict=True)
                ]
                found.append((settings, tuple(ratios)))
    return found


def _two_clicks(settings: ReverbConfig, duration_s: float) -> np.ndarray:
    """The stereo responses to a click on the left and to a click on the right, side by side: (n_frames, 4)."""
    return np.hstack([impulse_response(settings, duration_s, RATE_HZ, sides) for sides in ((1.0, 0.0), (0.0, 1.0))])


def flatnesses() -> dict[float, list[float]]:
    found = {}
    for size_m, decay_s in ROOMS.items():
        sound = _two_clicks(ReverbConfig(size_m=size_m, decay_s=decay_s, damping=0.0, bass=1.0), 1.4 * decay_s)
        parts = [sound[round(place * decay_s * RATE_HZ) :][: round(0.35 * decay_s * RATE_HZ)] for place in PLACES]
        found[size_m] = [np.mean([tail_flatness(side, decay_s, RATE_HZ)[0] for side in part.T]) for part in parts]
    return found


def loudest() -> float:
    """The largest output amplitude for a minute of full-scale noise. It is not finite if a sample is not finite."""
    reverb = ReverbConfig(size_m=5.0, decay_s=10.0, damping=0.0, bass=2.0)
    toned = EqualiserConfig(low_db=12.0, mid_db=12.0, high_db=12.0)
    effects = Effects(RATE_HZ, EffectsConfig(reverb, ChorusConfig(mode="ensemble", depth_ms=6.0), toned))
    loud = np.sign(noise(RATE_HZ)).astype(np.float32)
    seconds = [play(effects, silence(RATE_HZ), loud, loud, start=n * RATE_HZ) for n in range(60)]
    return float(np.abs(seconds).max())


def times_us(buffer_frames: int, n_blocks: int = 4000) -> np.ndarray:
    """How long the effects take for a block, in us.

    Returns the median and the 99th percentile for noise, then the same two for silence: (4,).
    """
    found = []
    for level in (0.1, 0.0):
        effects, sent = Effects(RATE_HZ, EffectsConfig()), noise(buffer_frames, level)
        block, spent = sent.copy(), np.empty(n_blocks)
        for number in range(n_blocks):
            begin_s = time.perf_counter()
            effects.add(number * buffer_frames, block, sent, sent)
            spent[number] = time.perf_counter() - begin_s
            block[:] = sent
        found += list(np.percentile(spent[100:] * 1e6, (50, 99)))
    return np.array(found)


def draw(path: Path, dense: dict, errors: list, flat: dict) -> None:
    from matplotlib.figure import Figure  # installed only in .venv-workshop

    figure = Figure(figsize=(10.0, 7.6), layout="constrained")
    axes = figure.subplots(2, 2)
    for (size_m, (times_ms, density)), colour, style in zip(dense.items(), COLOURS, STYLES, strict=True):
        axes[0, 0].plot(times_ms, density, style, color=colour, label=f"{size_m:.0f} m")
    axes[0, 0].axhline(1.0, color="black", linewidth=0.8)
    axes[0, 0].set(
        title="Echoes become as dense as noise",
        xlabel="time since the first reflection (ms)",
        ylabel="normalised echo density (1: noise)",
        xlim=(0.0, 200.0),
        ylim=(0.0, 1.2),
    )
    _draw_decay(axes[0, 1])
    axes[1, 0].axhspan(0.9, 1.1, color="#dddddd", label="10 %")
    for band, (colour, mark) in enumerate(zip(COLOURS[:3], MARKS, strict=False)):
        decays_s = [settings.decay_s * 0.96 ** (1 - band) for settings, _ in errors]
        ratios = [ratios[band] for _, ratios in errors]
        label = f"{BANDS_HZ[band]:,.0f} Hz"
        axes[1, 0].plot(decays_s, ratios, mark, color=colour, markersize=4, fillstyle="none", label=label)
    axes[1, 0].set(
        title=f"Decay in three bands, {len(errors)} rooms",
        xlabel="decay_s (s)",
        ylabel="measured decay / set decay",
        xscale="log",
        ylim=(0.8, 1.2),
    )
    axes[1, 0].set_xticks(DECAYS_S, [f"{decay_s:g}" for decay_s in DECAYS_S])
    axes[1, 0].minorticks_off()
    for (size_m, values), colour, style, mark in zip(flat.items(), COLOURS, STYLES, MARKS, strict=False):
        label = f"{size_m:.0f} m, {ROOMS[size_m]:g} s"
        axes[1, 1].plot(60.0 * PLACES, values, style, marker=mark, color=colour, markersize=4, label=label)
    axes[1, 1].axhline(FLATNESS_OF_NOISE, color="black", linewidth=0.8, label="noise")
    axes[1, 1].set(
        title="The tail's spectrum stays as flat as it was",
        xlabel="how far the sound has faded (dB)",
        ylabel="spectral flatness, 0.1 to 10 kHz",
        ylim=(0.0, 0.7),
    )
    for each in axes.flat:
        each.grid(color="#e6e6e6")
        each.set_axisbelow(True)
        each.legend(fontsize="small", **({"loc": "lower right", "ncols": 4} if each is axes[1, 0] else {}))
    figure.savefig(path, dpi=110)


def _draw_decay(axes: object) -> None:
    settings = ReverbConfig()
    sound = _two_clicks(settings, 1.6 * settings.decay_s)
    for centre_hz, wanted_s, colour, style in zip(
        BANDS_HZ, wanted_decays_s(settings), COLOURS[:3], STYLES[:3], strict=True
    ):
        curve_db = decay_curve_db(in_band(sound, centre_hz, RATE_HZ))[:: RATE_HZ // 200]
        times_s = np.arange(len(curve_db)) / 200.0
        axes.plot(times_s, curve_db, style, color=colour, label=f"{centre_hz:,.0f} Hz, set to {wanted_s:.2f} s")
        offset_db = curve_db[20] + 60.0 * times_s[20] / wanted_s
        axes.plot(times_s, offset_db - 60.0 * times_s / wanted_s, color="black", linewidth=0.6)
    axes.set(
        title=f"Decay of the default room, {settings.size_m:.0f} m (thin: as set)",
        xlabel="time (s)",
        ylabel="energy still to come (dB)",
        ylim=(-70.0, 3.0),
        xlim=(0.0, 1.2 * settings.decay_s),
    )


def faults(errors: list, flat: dict, peak: float) -> list[str]:
    """One line for each broken promise of docs/effects.md."""
    found = [
        f"decay: {settings}: {', '.join(f'{ratio:.2f}' for ratio in ratios)} of the setting"
        for settings, ratios in errors
        if max(abs(ratio - 1.0) for ratio in ratios) > LARGEST_ERROR
    ]
    found += [f"flatness: {size_m} m: {min(v):.2f}" for size_m, v in flat.items() if min(v) < LEAST_FLATNESS]
    return found + ([] if peak < LOUDEST else [f"full-scale noise becomes {peak}"])


def run(arguments: argparse.Namespace) -> int:
    dense, errors, flat, peak = densities(), decay_errors(), flatnesses(), loudest()
    for size_m, (times_ms, density) in dense.items():
        print(f"{size_m:.0f} m: echo density 0.9 after {times_ms[np.argmax(density > 0.9)]:.0f} ms")
    ratios = np.array([ratios for _, ratios in errors])
    for centre_hz, low, high in zip(BANDS_HZ, ratios.min(axis=0), ratios.max(axis=0), strict=True):
        print(f"{centre_hz:.0f} Hz: decay {low:.3f} to {high:.3f} of the setting, {len(errors)} rooms")
    for size_m, values in flat.items():
        print(f"{size_m:.0f} m: flatness {min(values):.3f} to {max(values):.3f}, noise {FLATNESS_OF_NOISE}")
    print(f"full-scale noise for a minute: at most {peak:.1f}")
    for buffer_frames in (64, 256):
        median, p99, silent, _ = times_us(buffer_frames)
        print(f"{buffer_frames} frames: median {median:.0f} us, p99 {p99:.0f} us; silence {silent:.1f} us")
    if arguments.picture:
        draw(arguments.picture, dense, errors, flat)
    broken = faults(errors, flat, peak)
    print(*broken, sep="\n")
    return 1 if broken else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.effects", description=__doc__)
    parser.add_argument("--picture", type=Path, metavar="F", help="where to draw the picture")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
