"""An engine that starts from a silent engine's state plays on as the silent engine would: with bit-identical sound."""

from __future__ import annotations

import json
from collections import deque

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.config import Adsr, Config, MidiConfig, VoiceConfig
from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.control.targets import RANGES
from runtime.engine.engine import Engine
from runtime.engine.recorded.patch_tree import patch_of_tree, patch_tree
from runtime.engine.recorded.state import EngineState, parts_of_tree
from runtime.events import (
    Clock,
    ControlChange,
    Event,
    KnobTurn,
    MapChange,
    NoteOff,
    NoteOn,
    PhaseBlend,
    ProgramChange,
    SoundChange,
    TargetMove,
    Tempo,
)
from runtime.sound.motion import Lfo, Modulation
from runtime.sound.patch import Patch, PlayedMorph
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.partitions import Timed, events, modes
from tests.support.playing import SAMPLE_RATE_HZ, decoder

SHORT = Adsr(attack_s=0.0, decay_s=0.02, sustain=0.5, release_s=0.01)
MOVING = Sound(
    lfo_1=Lfo(shape="random", rate_hz=7.0, per_voice=True),
    lfo_2=Lfo(shape="smooth_random", beats=0.5, depth_from="mod_wheel"),
    modulation=(
        Modulation("lfo_1", "filter.cutoff", 0.3),
        Modulation("lfo_2", "pitch", 0.2),
        Modulation("random", "tilt", 0.5),
    ),
)

BRIGHT = Sound(name="bright", latents={"a": 0.9}, tilt_db_per_octave=3.0, filter=Filter(type="low", cutoff_hz=900.0))


def other_sounds(config: Config) -> list[Patch]:
    """A moving sound, a bright sound, a plain sound, and a morph of these three."""
    one, two = Patch(config, MOVING, (0.1, 0.8)), Patch(config, BRIGHT, (0.9, 0.3))
    return [one, two, Patch(config), Patch(config, morph=PlayedMorph((one, two, Patch(config))))]


def live(engine: Engine, phrases: list[Timed], pause: int, block: int) -> tuple[np.ndarray, list[tuple[int, object]]]:
    """Play phrases in blocks of `block` frames, with a pause after each phrase; returns the sound and the history.

    Every fifth event of a block is moved to the block's first frame. The history has a state for the end of each pause.

    pause: in frames.
    """
    history: deque[tuple[int, object]] = deque()
    engine.keep_history(history)
    sound = []
    for phrase in phrases:
        begin = engine.frame
        length = max((frame for frame, _ in phrase), default=0) + pause
        released = [(length - pause, ControlChange(c, n, 0)) for c in range(16) for n in (64, 66, 120)]
        waiting = sorted([*phrase, *released], key=lambda at: at[0])
        while engine.frame < begin + length:
            due = [at for at in waiting if at[0] < engine.frame - begin + block]
            waiting = waiting[len(due) :]
            for number, (frame, event) in enumerate(due):
                if isinstance(event, SoundChange) and isinstance(event.prepared, int):
                    event = SoundChange(engine.prepare(other_sounds(engine.sounds[0].settings)[event.prepared]))
                engine.post(event, None if number % 5 == 4 else begin + frame)
            if engine.frame + block >= begin + length:
                engine.ask_for_state()
            out = np.zeros((block, 2), np.float32)
            engine.render(out)
            sound.append(out)
    return np.concatenate(sound), list(history)


def through_json(state: EngineState) -> EngineState:
    parts, chosen = parts_of_tree(json.loads(json.dumps(state.parts_tree()))), state.chosen
    if chosen is not None:
        tree = json.loads(json.dumps(patch_tree(chosen, Config())))
        chosen = patch_of_tree(tree, Config(), "here")
    return msgspec.structs.replace(state, parts=parts, chosen=chosen)


def assert_goes_on_the_same(make, sound: np.ndarray, history: list[tuple[int, object]], block: int = 700) -> int:
    """Start an engine from each silent state in `history`; assert that it plays the rest of `sound`.

    make: makes an engine from a state.

    Returns the number of silent states.
    """
    n_states = 0
    for number, (frame, state) in enumerate(history):
        if not isinstance(state, EngineState) or not state.is_silent:
            continue
        n_states += 1
        engine = make(through_json(state))
        assert engine.frame == frame
        for at, event in history[number + 1 :]:
            if isinstance(event, SoundChange):
                event = SoundChange(engine.prepare(event.prepared.patch))
            if not isinstance(event, EngineState):
                engine.post(event, at)
        rest = np.zeros((len(sound) - frame, 2), np.float32)
        for at in range(0, len(rest), block):
            engine.render(rest[at : at + block])
        np.testing.assert_array_equal(rest, sound[frame:])
    return n_states


# A MIDI clock of about 120 beats a minute, with jitter.
TICKING: Timed = [(919 * number + 37 * (number % 3), Clock()) for number in range(7)]
# These controls remember something: half of a 14-bit value, a takeover, a switch, a parameter's number.
MAPS = [
    bind([MapLine("cc 20", "filter.cutoff", takeover="pick_up"), MapLine("cc 21", "tilt", takeover="scaled")]),
    bind([MapLine("cc14 6", "latent.1"), MapLine("cc 71", "latent.2", mode="relative_twos_complement")]),
    bind([MapLine("cc 70", "level", mode="toggle", range=(0.7, 0.8)), MapLine("nrpn 100", "width")]),
]
more_events = st.one_of(
    st.builds(MapChange, st.just(0), st.sampled_from(MAPS)),
    st.builds(Tempo, st.floats(20.0, 300.0)),
    st.builds(SoundChange, st.integers(0, 3)),
    st.builds(TargetMove, st.sampled_from((*RANGES, "latent.1")), st.floats(0.0, 1.0)),
)
phrases = st.lists(
    st.lists(
        st.tuples(st.integers(0, 6000), st.one_of(events, events, more_events)),
        min_size=3,
        max_size=25,
    ).flatmap(lambda phrase: st.sampled_from((phrase, phrase + TICKING))),
    min_size=2,
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(phrases, modes, st.sampled_from((1, 3, 20)), st.sampled_from((0, 3)), st.sampled_from((64, 256, 1000)),
       st.booleans())  # fmt: skip
def test_any_events(phrases: list[Timed], mode: str, n_voices: int, n_members: int, block: int, moves: bool) -> None:
    voice = VoiceConfig(mode=mode, n_voices=n_voices, envelope=SHORT, portamento_s=0.03)
    config = Config(voice=voice, midi=MidiConfig(mpe_lower_members=n_members), seed=7)
    patch = Patch(config, MOVING if moves else Sound())

    def make(start: EngineState | None = None) -> Engine:
        return Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, start=start)

    sound, history = live(make(), phrases, 3000, block)
    assert_goes_on_the_same(make, sound, history)


def piece() -> list[Timed]:
    first: list[tuple[int, Event]] = [
        (10, ProgramChange(0, 1)),
        (20, KnobTurn(0, 0.9)),
        (30, ControlChange(0, 7, 60)),
        (40, ControlChange(0, 1, 90)),
        (50, PhaseBlend(0.4)),
        (60, Tempo(77.0)),
        (70, SoundChange(3)),
        (80, TargetMove("morph", 0.2)),
        (90, TargetMove("envelope.decay", 0.5)),
        *((100 + frame, clock) for frame, clock in TICKING),
        (95, MapChange(0, MAPS[0])),
        (96, TargetMove("tilt", 0.5)),
        (97, ControlChange(0, 20, 10)),
        (98, ControlChange(0, 21, 30)),
        (99, TargetMove("lfo_1.rate", 0.85)),
        (100, NoteOn(0, 60, 100)),
        (900, NoteOff(0, 60)),
    ]
    second: list[tuple[int, Event]] = [
        (400, ControlChange(0, 21, 60)),
        (500, NoteOn(0, 62, 80)),
        (600, Clock()),
        (1500, Clock()),
        (5000, NoteOff(0, 62)),
    ]
    return [[(5, KnobTurn(0, 0.2))], first, second, [(300, TargetMove("morph", 0.9)), *second]]


def test_every_part_of_the_state_is_heard() -> None:
    """If any of the parts listed below is missing from the state, the engine sounds different."""
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT), seed=7), MOVING)

    def make(start: EngineState | None = None) -> Engine:
        return Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, start=start)

    sound, history = live(make(), piece(), 3000, 256)
    assert assert_goes_on_the_same(make, sound, history) == 4
    for part in ("sound", "tempo", "clock", "maps", "notes", "channel_0", "lfos"):
        poor = []
        for frame, each in history:
            if isinstance(each, EngineState):
                parts = {name: values for name, values in each.parts.items() if name != part}
                poor.append((frame, msgspec.structs.replace(each, parts=parts)))
            else:
                poor.append((frame, each))
        with pytest.raises(AssertionError):
            assert_goes_on_the_same(make, sound, poor)


def test_a_knob_turned_at_once_comes_after_moves_that_wait_for_a_hop() -> None:
    patch = Patch(Config(voice=VoiceConfig(envelope=SHORT), seed=7))

    def make(start: EngineState | None = None) -> Engine:
        return Engine(decoder(), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, start=start)

    engine, sound, history = make(), np.zeros((6000, 2), np.float32), deque()
    engine.keep_history(history)
    engine.ask_for_state()
    for at in range(0, len(sound), 100):
        if at == 100:
            engine.post(NoteOn(0, 60, 100), 150)
        if at == 1100:
            engine.post(TargetMove("latent.1", 1.0), 1150)
            engine.post(NoteOn(0, 72, 100), 1900)  # a note is urgent, so all events are collected now
        if at == 1400:
            engine.post(KnobTurn(0, 0.2))  # the next hop is at 2048
        engine.render(sound[at : at + 100])
    assert assert_goes_on_the_same(make, sound, list(history)) == 1
    assert engine.target_position("latent.1") == 0.2
