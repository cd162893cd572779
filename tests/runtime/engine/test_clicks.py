"""No event clicks: above 15 kHz, the sound at the event is inaudible, or at most 6 dB above the sound around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from runtime.config import Adsr
from runtime.engine.engine import Engine
from runtime.events import ControlChange, Event, KnobTurn, NoteOff, NoteOn, PhaseBlend, PitchWheel, VoiceLimit
from tests.support.clicks import excess_db
from tests.support.playing import SAMPLE_RATE_HZ, Player, parameter

# The event's frame: odd, and not the first frame of a hop, a span or a block.
AT = 16123
N_FRAMES = 34000
INSTANT = Adsr(attack_s=0.0, release_s=0.0)
SHORT = Adsr(attack_s=0.0, release_s=0.05)


def note(number: int, velocity: int = 127) -> list[Event]:
    return [NoteOn(0, number, velocity)]


def cc(control: int, value: int) -> list[Event]:
    return [ControlChange(0, control, value)]


WIDE = parameter(0, 0, 48)
# For each case, the events at the start, and the events at the event frame (AT, or a little later).
CASES: dict[str, tuple[Sequence[Event], Sequence[Event]]] = {
    "note on": ([], note(60)),
    "note on, low": ([], note(36)),
    "note on, high": ([], note(100)),
    "chord on": (note(48), [NoteOn(0, n, 127) for n in (55, 60, 64, 67)]),
    "note off": (note(60), [NoteOff(0, 60)]),
    "note off, transposed": (note(30), [NoteOff(0, 30)]),
    "note off, one of two": (note(60) + note(64), [NoteOff(0, 60)]),
    "same key again": (note(60), [NoteOff(0, 60), *note(60)]),
    "volume down": (note(60), cc(7, 20)),
    "volume up": (cc(7, 0) + note(60), cc(7, 127)),
    "expression to nothing": (note(60), cc(11, 0)),
    "pan from side to side": (cc(10, 0) + note(60), cc(10, 127)),
    "latents down": (note(60), [KnobTurn(0, 0.0), KnobTurn(1, 0.0)]),
    "latents up": ([KnobTurn(0, 0.0), KnobTurn(1, 0.0), *note(60)], [KnobTurn(0, 1.0), KnobTurn(1, 1.0)]),
    "bend up": (note(60), [PitchWheel(0, 8191)]),
    "bend from end to end": ([PitchWheel(0, -8192), *note(60)], [PitchWheel(0, 8191)]),
    "bend by two octaves": ([*WIDE, *note(60)], [PitchWheel(0, 4096)]),
    "bend back to the model's note": ([PitchWheel(0, 8191), *note(60)], [PitchWheel(0, 0)]),
    "vibrato begins": (note(60), cc(1, 127)),
    "all sound off": (note(60), cc(120, 0)),
    "all sound off, bent": ([PitchWheel(0, 4000), *note(60)], cc(120, 0)),
    "all notes off": (note(60), cc(123, 0)),
    "voice limit": (note(60) + note(64), [VoiceLimit(1)]),
    "phases to coherent": (note(60), [PhaseBlend(1.0)]),
    "phases to noise": ([PhaseBlend(1.0), *note(60)], [PhaseBlend(0.0)]),
    "phases and latents, bent": (
        [PhaseBlend(0.3), PitchWheel(0, 5000), *note(60)],
        [PhaseBlend(1.0), KnobTurn(0, 0.0)],
    ),
    "latents and bend at once": (note(60), [KnobTurn(0, 0.0), PitchWheel(0, 8191), KnobTurn(1, 0.0)]),
}


def worst_excess_db(make: Callable[[int], tuple[Player, Sequence[Event], Sequence[Event]]]) -> float:
    """The largest `excess_db` in two renderings. Each rendering has its own seed and its own event frame.

    make: takes a seed; returns a player, the events for the start, and the events for the event frame.
    """
    worst = -np.inf
    for seed in range(2):
        engine_player, before, then = make(seed)
        at = AT + 317 * seed
        engine: Engine = engine_player.engine
        for frame, events in ((0, before), (at, then)):
            for event in events:
                engine.post(event, frame)
        sound = engine_player.hear(N_FRAMES / SAMPLE_RATE_HZ)
        worst = max(worst, *(excess_db(side.astype(np.float64), at) for side in sound.T))
    return worst


def player(seed: int, n_voices: int = 4, phase_blend: float = 0.0, **settings) -> Player:
    return Player(n_voices, knobs=(1.0, 1.0), seed=seed, phase_blend=phase_blend, **{"envelope": SHORT, **settings})


@pytest.mark.parametrize("phase_blend", [0.0, 1.0])
@pytest.mark.parametrize("name", CASES)
def test_no_event_clicks(name: str, phase_blend: float) -> None:
    before, then = CASES[name]
    assert worst_excess_db(lambda seed: (player(seed, phase_blend=phase_blend), before, then)) <= 0.0


@pytest.mark.parametrize("phase_blend", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("bent", [0, 5000])
def test_stealing_does_not_click(bent: int, phase_blend: float) -> None:
    before = [PitchWheel(0, bent), *note(60)]
    assert worst_excess_db(lambda seed: (player(seed, 1, phase_blend), before, note(64))) <= 0.0


@pytest.mark.parametrize("mode", ["mono", "legato"])
@pytest.mark.parametrize("portamento_s", [0.0, 0.2])
@pytest.mark.parametrize("n_voices", [1, 4])
def test_the_next_key_of_a_mono_voice_does_not_click(mode: str, portamento_s: float, n_voices: int) -> None:
    settings = {"n_voices": n_voices, "mode": mode, "portamento_s": portamento_s}
    assert worst_excess_db(lambda seed: (player(seed, **settings), note(60), note(67))) <= 0.0


def test_the_shortest_envelope_does_not_click() -> None:
    for before, then in (([], note(60)), (note(60), [NoteOff(0, 60)])):
        assert worst_excess_db(lambda seed, b=before, t=then: (player(seed, envelope=INSTANT), b, t)) <= 0.0


def test_the_measure_hears_a_click() -> None:
    sound = Player(1, knobs=(1.0, 1.0)).send(*note(60)).hear(N_FRAMES / SAMPLE_RATE_HZ)[:, 0].astype(np.float64)
    assert excess_db(sound, AT) <= 0.0
    torn = sound.copy()
    torn[AT:] = 0.0
    cut = AT + int(np.argmax(np.abs(sound[AT : AT + 500])))
    torn[:AT], torn[AT:cut] = sound[:AT], sound[AT:cut]
    assert excess_db(torn, cut) > 10.0
