"""Translates the reverb's settings into delays (in frames) and matrices."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from runtime.config import LARGEST_ROOM_M, LONGEST_PRE_DELAY_S, ReverbConfig
from runtime.effects.decay_filters import MID_HZ, gains_for, meeting_points_hz
from runtime.effects.grid import cell_frames

N_LINES, N_TAPS = 16, 8
SOUND_M_PER_S = 343.0
# Delays, in units of the time in which sound crosses the room's length.
SHORTEST_LINE, LONGEST_LINE = 0.4, 1.4
LONGEST_FIRST, LONGEST_SECOND, LONGEST_TAP = 0.06, 0.25, 0.3  # of the two scatterings and of the input's taps
MEAN_LOOP = 1.0
# A sound loses at most 6 dB in one loop: else a room's decay would be a few separate echoes.
LOOPS_PER_DECAY = 10.0
LEAST_TREBLE = 0.4  # the decay time at 6 kHz, divided by decay_s, if the damping is 1
EARLY_GAIN = 1.2  # gain of the first reflections, in units of the gain of the delay lines
# Of 200 seeds, this is the one with which echoes become dense soonest in rooms of 10, 22 and 40 m.
SEED = 86
# The largest angle of the turning matrix, in radians. It is TURNING in a room in which one resonance covers each
# frequency (see `overlap`). It never exceeds MOST_TURNING: a larger angle would audibly move the pitch of steady tones.
TURNING, MOST_TURNING = 0.8, 1.0


class Design(NamedTuple):
    """A room, ready to play.

    Delays in frames, int (16,) each:
    lines: the delays of the delay lines.
    first: the delays of the first scattering.
    second: the delays of the second scattering.
    taps: the delays at which the input is read: eight for the left side, then eight for the right side. They include
        the pre-delay and a latency of one cell.

    Matrices, float32, with a column for each channel that is mixed and a row for each result:
    loop: makes what enters the first scattering, (16, 64). Its columns, 16 each, are for the lines after low-pass
        L, the lines after low-pass H, the taps, and the lines themselves.
    between: makes what enters the second scattering from what leaves the first, (16, 16).
    output: makes left and right from the lines and from what leaves the second scattering, (2, 32).

    turning: largest angle of the turning matrix, in radians.
    """

    settings: ReverbConfig
    lines: np.ndarray
    first: np.ndarray
    second: np.ndarray
    taps: np.ndarray
    loop: np.ndarray
    between: np.ndarray
    output: np.ndarray
    turning: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Design) and self.settings == other.settings

    __hash__ = None


def longest_frames(sample_rate_hz: int) -> tuple[int, int, int]:
    """The longest delays of a delay line, of a scattering, and of the input's taps, in frames."""
    room = LARGEST_ROOM_M / SOUND_M_PER_S * sample_rate_hz
    # 2 % and 64 frames more, because a line's delay is rounded up to a prime number that no other line has.
    line, scattering, tap = (
        math.ceil(1.02 * room * share) + 64 for share in (LONGEST_LINE, LONGEST_SECOND, LONGEST_TAP)
    )
    return line, scattering, tap + math.ceil(LONGEST_PRE_DELAY_S * sample_rate_hz) + cell_frames(sample_rate_hz)


def design(settings: ReverbConfig, sample_rate_hz: int) -> Design:
    room_s = min(settings.size_m / SOUND_M_PER_S, settings.decay_s / LOOPS_PER_DECAY / MEAN_LOOP)
    random = np.random.default_rng(SEED)
    lines, first, second, taps = _delays(room_s * sample_rate_hz, random)
    mean_scattering_s = (first.mean() + second.mean()) / sample_rate_hz
    lines_s = lines / sample_rate_hz + mean_scattering_s
    # `gains` are for a whole loop, through a line and both scatterings. The scatterings' mean gain is divided out,
    # because `loop` and `between` below give each channel of a scattering a gain of its own.
    gains = gains_for(_decays_s(settings, sample_rate_hz), lines_s, sample_rate_hz)
    low, mid, high = gains / _kept(mean_scattering_s, settings)
    mix = hadamard(N_LINES) * random.choice((-1.0, 1.0), N_LINES)
    is_on = 1.0 if settings.enabled else 0.0
    loop = np.hstack((mix * (low - mid), mix * (mid - high), is_on * _sides(random), mix * high))
    loop *= _kept(first / sample_rate_hz, settings)[:, None]
    between = _kept(second / sample_rate_hz, settings)[:, None] * _mix_of_each_side()
    output = is_on * _output(settings, _kept(lines_s.mean(), settings) ** 2, random)
    wait = cell_frames(sample_rate_hz) + round(settings.pre_delay_s * sample_rate_hz)
    # `overlap` is the number of resonances that cover one frequency. A resonance's width is measured at half its power.
    # If few resonances overlap, each is heard as a ringing tone, and the turning matrix needs a larger angle.
    overlap = N_LINES * lines_s.mean() * 2.2 / settings.decay_s
    turning = min(MOST_TURNING, TURNING / math.sqrt(overlap))
    matrices = (matrix.astype(np.float32) for matrix in (loop, between, output))
    return Design(settings, lines, first, second, taps + wait, *matrices, turning)


def _kept(time_s: np.ndarray | float, settings: ReverbConfig) -> np.ndarray | float:
    """The amplitude, 0 to 1, that a sound of 1 kHz still has after this time, if it began with 1."""
    return 10.0 ** (-3.0 * time_s / settings.decay_s)


def _mix_of_each_side() -> np.ndarray:
    """An orthogonal matrix (16, 16) that mixes even channels with even and odd with odd."""
    mix = np.zeros((N_LINES, N_LINES))
    for side in (0, 1):
        mix[side::2, side::2] = hadamard(N_LINES // 2)
    return mix


def hadamard(n: int) -> np.ndarray:
    """An orthogonal matrix (n, n) of numbers that differ only in sign, by Sylvester's construction.

    n: a power of two.
    """
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / math.sqrt(n)


def _delays(room: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The delays, in frames, of the lines, the first scattering, the second scattering, and the taps.

    room: the time, in frames, in which sound crosses the room.
    """
    steps = np.arange(N_LINES) + random.uniform(-0.3, 0.3, N_LINES)
    steps[0], steps[-1] = 0, N_LINES - 1
    lines = SHORTEST_LINE * (LONGEST_LINE / SHORTEST_LINE) ** (steps / (N_LINES - 1))
    first = LONGEST_FIRST * _spread(N_LINES, random)
    second = LONGEST_SECOND * _spread(N_LINES, random)
    taps = LONGEST_TAP * np.stack([_spread(N_TAPS, random) for _ in range(2)])
    taps[:, 0] = 0.0
    for delays in (lines, first, second):
        random.shuffle(delays)
    return _primes(room * lines), *(np.round(room * each.ravel()).astype(np.int64) for each in (first, second, taps))


def _spread(n: int, random: np.random.Generator) -> np.ndarray:
    """n random numbers in ascending order, one from each of n equal parts of the range 0 to 1."""
    return (np.arange(n) + random.uniform(0.0, 1.0, n)) / n


def _primes(wanted: np.ndarray) -> np.ndarray:
    """A different prime at or above each number, so that echoes of different lines seldom coincide."""
    found: list[int] = []
    for number in np.ceil(wanted).astype(int).tolist():
        while number in found or any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
            number += 1
        found.append(number)
    return np.array(found, np.int64)


def _decays_s(settings: ReverbConfig, sample_rate_hz: int) -> np.ndarray:
    """Decay times, in seconds, at the three frequencies of `meeting_points_hz`."""
    octaves = math.log2(meeting_points_hz(sample_rate_hz)[2] / MID_HZ) / math.log2(6.0)
    treble = (1.0 - (1.0 - LEAST_TREBLE) * settings.damping) ** octaves
    return settings.decay_s * np.array((settings.bass, 1.0, treble))


def _sides(random: np.random.Generator) -> np.ndarray:
    """The matrix (16, 16) from taps to channels: left taps feed the even channels, right taps the odd ones."""
    sides = np.zeros((N_LINES, 2 * N_TAPS))
    for side in (0, 1):
        signs = random.choice((-1.0, 1.0), (N_LINES // 2, N_TAPS))
        gains = 0.85 ** np.arange(N_TAPS)
        columns = slice(side * N_TAPS, (side + 1) * N_TAPS)
        sides[side::2, columns] = signs * gains / math.sqrt(N_LINES // 2 * (gains**2).sum())
    return sides


def _output(settings: ReverbConfig, kept: float, random: np.random.Generator) -> np.ndarray:
    """The output matrix (2, 32).

    kept: a sound's energy after one loop, divided by its energy before the loop, 0 to 1.
    """
    signs = hadamard(N_LINES)[[5, 10]] * math.sqrt(N_LINES)
    near, far = 0.85, math.sqrt(1.0 - 0.85**2)
    parity = np.arange(N_LINES) % 2
    early = np.stack((np.where(parity, far, near), np.where(parity, near, far)))
    early *= random.choice((-1.0, 1.0), (2, N_LINES)) * math.sqrt(2.0) * EARLY_GAIN
    output = np.hstack((signs, early)) * math.sqrt(0.5 * (1.0 - kept) / (1.0 + EARLY_GAIN**2))
    angle = settings.width * math.pi / 4.0
    same, apart = math.sqrt(0.5) * math.cos(angle), math.sqrt(0.5) * math.sin(angle)
    middle, side = same * (output[0] + output[1]), apart * (output[0] - output[1])
    return np.stack((middle + side, middle - side)) * 10.0 ** (settings.level_db / 20.0)
