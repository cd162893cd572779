"""Only the code named here allocates large arrays while the engine plays. The first tests check the recorder itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest

from runtime.engine.engine import Engine
from runtime.engine.mixer import Mixer
from runtime.engine.narrow_buffers import narrow_buffers
from runtime.engine.spans import Spans
from runtime.engine.synthesis.hops import HopSynthesis
from runtime.events import ControlChange, Event, KnobTurn, NoteOn, PhaseBlend, PitchWheel, TargetMove
from runtime.instrument.decoder import Decoder
from tests.runtime.engine.test_work import CHORD, LARGE_BYTES, N_BLOCKS, blocks, played
from tests.support.allocations import recorded_arrays
from tests.support.playing import decoder

# The recorder

SOME, PLACES = np.ones(10_000), np.arange(0, 10_000, 2)
# Ways to allocate, each with the size in bytes of the largest array that it allocates.
WAYS: dict[str, tuple[Callable[[], object], int]] = {
    "empty": (lambda: np.empty(100_000), 800_000),
    "zeros": (lambda: np.zeros(100_000), 800_000),
    "sum": (lambda: SOME + SOME, 80_000),
    "copy": (lambda: SOME[::2].copy(), 40_000),
    "cast": (lambda: SOME.astype(np.float32), 40_000),
    "fancy index": (lambda: SOME[PLACES], 40_000),
    "mask": (lambda: SOME[SOME > 0.0], 80_000),
    "take, buffered": (lambda: SOME.take(PLACES, out=SOME[:5_000]), 40_000),
    "operands that overlap": (lambda: np.multiply(SOME[:-1], 1.0, out=SOME[1:]), 79_992),
    "transform": (lambda: np.fft.rfft(SOME), 80_016),
    "list": (lambda: np.array([1.0] * 1000), 8_000),
    "grown": (lambda: np.empty(1).resize(1000, refcheck=False), 8_000),
    "few numbers": (lambda: np.zeros(40), 320),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_recorder_sees_each_way_to_allocate(way: str) -> None:
    allocate, n_bytes = WAYS[way]
    for run in (lambda function: function(), narrow_buffers().run):
        with recorded_arrays() as recorded:
            run(allocate)
        assert max(allocation.n_bytes for allocation in recorded) == n_bytes


PATH = (Engine, "render"), (Spans, "go_on"), (Mixer, "mix"), (Decoder, "decode"), (HopSynthesis, "dense_hops")


@pytest.mark.parametrize(("owner", "name"), PATH, ids=[name for _, name in PATH])
def test_an_array_that_the_engine_allocates_is_seen(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own, kept, n_called = getattr(owner, name), [], []

    def wasteful(*args: object) -> object:
        n_called.append(1)
        kept[:] = [np.empty(12_345, np.int8), SOME[PLACES]]
        return own(*args)

    monkeypatch.setattr(owner, name, wasteful)
    player = played(events=[ControlChange(0, 10, 20), *CHORD, PitchWheel(0, 1000)])
    n_called.clear()
    _, arrays = blocks(player, lambda number: [KnobTurn(0, number / N_BLOCKS)] if number % 50 == 0 else [])
    seen = [a for block in arrays for a in block if a.n_bytes in (12_345, 40_000)]
    assert len(seen) == 2 * len(n_called) > 0
    # `where` names the function of runtime/ that called `wasteful`. Engine.render has no caller in runtime/ here, so
    # `where` names `wasteful` itself.
    assert all(a.where.startswith("test_allocations.py:") == (owner is Engine) for a in seen), seen[:5]


def test_the_recorder_names_the_code_in_runtime() -> None:
    with recorded_arrays() as recorded:
        decoder().card.latents_at(np.zeros(2, np.float32))
    assert any(allocation.where.startswith("card.py:latents_at:") for allocation in recorded)


def test_the_recorder_hears_its_own_thread_only_and_stops_at_the_end() -> None:
    with recorded_arrays() as recorded:
        thread = threading.Thread(target=np.empty, args=(100_000,))
        thread.start()
        thread.join()
        inside = np.full(5000, 7.0)
    n = len(recorded)
    np.empty(100_000)
    assert n == len(recorded)
    assert max(allocation.n_bytes for allocation in recorded) == 40_000
    assert inside.sum() == 35_000.0  # the array stays valid after the recording, and can be freed


# The engine

# The following sets name the code that allocates arrays of LARGE_BYTES or more: files, some with a function.
#
# `Resampler.read` indexes a view of windows, four samples each, by an array. This always makes a new array. `take` can
# write into an existing array, but would first copy the whole view. With four calls of `take`, one for each sample of a
# window, a read of 512 frames would take 1.4 times as long.
DENSE = {"resampling.py:read:"}
# Arrays are made for the sinusoids of each hop. Arrays made at the start would have to hold as many sinusoids as a
# spectrum can have peaks. Arrays made with each plan would save no time: adding the sinusoids of 16 voices in one hop
# takes 7 microseconds now, and would take 7.4 with such arrays.
HOPS = {"sinusoids.py:"}
PLANS = {"coherent.py:", "peaks.py:", "sinusoids.py:"}
# At each hop, the random walk of phases draws a step for each sinusoid.
WALKS = {"walk.py:"}
# The arrays have one element for each harmonic of a spectrum.
FORMANTS = {"formants.py:formant_gains:"}
Motion = tuple[Sequence[Event], Callable[[int], Iterable[Event]], set[str]]


def still(number: int) -> list[Event]:
    return []


def knob(number: int) -> list[Event]:
    return [KnobTurn(0, number % 97 / 97), KnobTurn(1, number % 89 / 89)]


def some_notes(number: int) -> list[Event]:
    return [] if number % 7 else [NoteOn(0, 48 + number % 40, 50)]


def moving(target: str) -> Callable[[int], list[Event]]:
    return lambda number: [TargetMove(target, number % 97 / 97)]


LOUD = [NoteOn(0, note.note, 127) for note in CHORD]
WIDE, BROAD, BENT, EVEN = TargetMove("width", 0.7), TargetMove("bandwidth", 0.4), PitchWheel(0, 3000), PhaseBlend(1.0)
MOTIONS: dict[str, Motion] = {
    "silence": ([], knob, set()),
    "steady": (CHORD, still, set()),
    "at the limiter": (LOUD, still, set()),
    "wide": ([WIDE, *CHORD], still, set()),
    "broad": ([BROAD, *CHORD], still, set()),
    "knobs": (CHORD, knob, set()),
    "the volume turning": (CHORD, lambda number: [ControlChange(0, 7, number % 128)], set()),
    "the filter turning": (CHORD, moving("filter.cutoff"), set()),
    "transposed": ([BENT, *CHORD], still, DENSE),
    "transposed, panned, wide": ([BENT, WIDE, ControlChange(0, 10, 20), *CHORD], still, DENSE),
    "transposed, knobs": ([BENT, *CHORD], knob, DENSE),
    "the wheel turning": (CHORD, lambda number: [PitchWheel(0, number * 20)], DENSE),
    "vibrato": ([ControlChange(0, 1, 127), *CHORD], still, DENSE),
    "notes that steal": (CHORD, some_notes, DENSE),
    "coherent": ([EVEN, *CHORD], still, HOPS),
    "coherent, transposed": ([EVEN, BENT, *CHORD], still, HOPS | DENSE),
    "coherent, wide": ([EVEN, WIDE, *CHORD], still, HOPS),
    "coherent, broad": ([EVEN, BROAD, *CHORD], still, HOPS | WALKS),
    "coherent, transposed, panned": ([EVEN, BENT, ControlChange(0, 10, 20), *CHORD], still, HOPS | DENSE),
    "coherent, the wheel turning": ([EVEN, *CHORD], lambda number: [PitchWheel(0, number * 20)], HOPS | DENSE),
    "coherent, knobs": ([EVEN, *CHORD], knob, PLANS),
    "the blend turning": (CHORD, lambda number: [PhaseBlend(number % 50 / 50)], PLANS),
    "formants": (CHORD, moving("formant"), FORMANTS),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_no_other_code_allocates_a_large_array(name: str) -> None:
    events, each_block, known = MOTIONS[name]
    _, arrays = blocks(played(events=events), each_block)
    large = {a.where: a.n_bytes for block in arrays for a in block if a.n_bytes >= LARGE_BYTES}
    assert not {where: size for where, size in large.items() if not where.startswith(tuple(known))}
    assert all(any(where.startswith(each) for where in large) for each in known), "delete from the list what is mended"
