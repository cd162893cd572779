"""A phase-locked loop that finds the beat in the jittering messages of a MIDI clock."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence

CLOCKS_PER_BEAT = 24  # MIDI 1.0
# The loop averages over about this many messages. If their times vary by 2 ms, the beat varies by 0.5 ms (both are
# standard deviations).
_MEMORY = 40
# A message's error is how early or late it comes. The usual error (`_jitter`) is the root of a running mean of the
# squared errors. In this mean, a new error has the weight _JITTER_WEIGHT; an error that was limited (see
# _LARGEST_ERROR) has a quarter of this weight. The usual error begins with _FIRST_JITTER_S, and stays between
# _LEAST_JITTER_S and _MOST_JITTER_S.
_LEAST_JITTER_S, _FIRST_JITTER_S, _MOST_JITTER_S = 0.0003, 0.001, 0.006
_JITTER_WEIGHT = 1.0 / 32.0
# An error is limited to this many times the usual error, so that one very late message hardly moves the beat.
_LARGEST_ERROR = 3.0
# Many late messages in a row mean a slower tempo, many early messages a faster tempo. So there are two sums, in
# units of the usual error: `_late` is the sum of (error - _SLACK), and `_early` is the sum of (-error - _SLACK). A sum
# never falls below 0. A new tempo begins when a sum exceeds _DRIFT.
_DRIFT, _SLACK = 12.0, 0.5
# The tempo is uncertain until the loop's line (see ClockLoop) is fitted to _FEWEST messages. The newest messages, at
# most _MOST_FITTED, are stored, so that a new line can be fitted to some of them.
_FEWEST, _MOST_FITTED = 6, 24
# A message is strange if its error must be limited (_LARGEST_ERROR), if messages before it seem lost, or if it seems to
# be a repeated message. A strange message adds 1 to `_n_strange`; any other message subtracts 1, but not below 0. From
# _N_STRANGE on (from 2 on while a sum exceeds _DRIFT), the intervals between the newest messages (at most _MOST_RAW)
# are compared. A new tempo begins if the longest and the shortest interval differ by less than _MOST_SPREAD periods
# plus _DOUBT times the usual error.
_N_STRANGE, _MOST_RAW, _MOST_SPREAD, _DOUBT = 4, 12, 0.5, 4.0
# A message that is late by this part of a period may follow lost messages. A message that is early by this part may be
# a repeated message.
_OTHER_CLOCK = 0.7
# While the tempo is uncertain, a message this soon after another is the same message from a second port.
_TWICE_S = 0.002
_SHORTEST_S = 60.0 / 600.0 / CLOCKS_PER_BEAT  # the least time from one message to the next: 600 beats a minute


class ClockLoop:
    """Finds the beat of a clock from the frames at which its messages come.

    It is a loop of second order, which follows phase and tempo. It works like a line that is fitted by least squares to
    the newest n messages; the line gives a message's frame for its number. The loop's gains are
    2 (2n - 1) / (n (n+1)) for the phase and 6 / (n (n+1)) for the tempo. n grows up to _MEMORY, and starts again from 1
    when the tempo changes.

    The first message has the number `count` and comes at `frame`.

    Attributes:
    count: number of the newest message; lost messages are counted, repeated ones are not.
    at: the frame at which the newest message would have come without jitter.
    period: frames from one message to the next.
    n_fitted: n. While it is 1, there is no tempo.
    """

    def __init__(self, count: int, frame: int, sample_rate_hz: int):
        self._rate_hz = sample_rate_hz
        self._jitter = _FIRST_JITTER_S * sample_rate_hz
        self._raw: deque[tuple[int, int]] = deque(((frame, count),), _MOST_RAW)  # (frame, count)
        self._heard: deque[tuple[int, int]] = deque(maxlen=_MOST_FITTED)  # (frame, count), no repeated messages
        self._fit(((frame, count),))

    def clock(self, frame: int) -> None:
        if self.n_fitted < _FEWEST:
            if frame - self._raw[-1][0] > _TWICE_S * self._rate_hz:
                self._follow(frame, self.count + 1)
        else:
            n_passed = self._n_passed(frame)
            error = frame - self.at - n_passed * self.period
            is_strange = n_passed != 1 or abs(error) > _LARGEST_ERROR * self._jitter
            self._count_strange(is_strange)
            if n_passed:
                self._follow(frame, self.count + n_passed)
            self._look_for_new_tempo(frame)
        self._raw.append((frame, self.count))

    def _n_passed(self, frame: int) -> int:
        """How many clocks have passed since the previous message: 1, more if messages were lost, or 0 if the same
        message came twice.
        """
        share, late = (frame - self._heard[-1][0]) / self.period, (frame - self.at) / self.period - 1.0
        if share > 1.5 and late > _OTHER_CLOCK:
            return 1 + min(round(late), round(share) - 1)
        return 0 if share < 0.5 and late < -_OTHER_CLOCK else 1

    def _count_strange(self, is_strange: bool) -> None:
        self._n_strange = self._n_strange + 1 if is_strange else max(0, self._n_strange - 1)
        self._n_since_usual = self._n_since_usual + 1 if self._n_strange else 0
        if self._n_since_usual >= _MOST_RAW:
            self._n_strange = self._n_since_usual = 0

    def _look_for_new_tempo(self, frame: int) -> None:
        drifts = max(self._early, self._late) > _DRIFT
        if self._n_strange >= _N_STRANGE or (drifts and self._n_strange > 1):
            base, *later = list(self._raw)[-self._n_since_usual :]
            frames = [base[0], *(at for at, _ in later), frame]
            intervals = [end - start for start, end in itertools.pairwise(frames)]
            if max(intervals) - min(intervals) < _MOST_SPREAD * self.period + _DOUBT * self._jitter:
                # Messages only seemed to be lost or repeated, because the tempo is new. So each message counts as one
                # clock.
                self._fit([(at, base[1] + k) for k, at in enumerate(frames)])
        elif drifts:
            self._fit(list(self._heard)[-max(self._n_drifting + 1, _FEWEST) :])

    def beats_at(self, frame: int) -> float:
        return (self.count + (frame - self.at) / self.period) / CLOCKS_PER_BEAT

    def count_from(self, count: int) -> None:
        """Renumber the messages so that the newest has the number `count`."""
        added = count - self.count
        self.count = count
        for heard in (self._raw, self._heard):
            shifted = [(frame, number + added) for frame, number in heard]
            heard.clear()
            heard.extend(shifted)

    def _fit(self, heard: Sequence[tuple[int, int]]) -> None:
        """Fit the beat to the messages `heard`, pairs (frame, count), and forget all others."""
        self._early = self._late = 0.0  # sums of the errors of early and of late messages
        self._n_drifting = self._n_strange = self._n_since_usual = 0
        self._heard.clear()
        self.n_fitted, self.period = 0, 0.0
        self.at, self.count = float(heard[0][0]), heard[0][1]
        for frame, count in heard:
            self._follow(frame, count)

    def _follow(self, frame: int, count: int) -> None:
        self._heard.append((frame, count))
        n_passed = count - self.count
        n = self.n_fitted = min(_MEMORY, self.n_fitted + 1)
        expected = self.at + n_passed * self.period
        error = frame - expected
        if n > _FEWEST:
            error = self._limited(error)
        self.at = expected + error * 2.0 * (2.0 * n - 1.0) / (n * (n + 1.0))
        if n > 1:
            period = self.period + error * 6.0 / (n * (n + 1.0)) / n_passed
            self.period = max(period, _SHORTEST_S * self._rate_hz)
        self.count = count

    def _limited(self, error: float) -> float:
        most = _LARGEST_ERROR * self._jitter
        weight = _JITTER_WEIGHT if abs(error) < most else _JITTER_WEIGHT / 4.0
        error = min(max(error, -most), most)
        drift = error / self._jitter
        self._late = max(0.0, self._late + drift - _SLACK)
        self._early = max(0.0, self._early - drift - _SLACK)
        self._n_drifting = self._n_drifting + 1 if self._late or self._early else 0
        power = self._jitter * self._jitter
        jitter = math.sqrt(power + (error * error - power) * weight)
        self._jitter = min(max(jitter, _LEAST_JITTER_S * self._rate_hz), _MOST_JITTER_S * self._rate_hz)
        return error
