"""`render` makes from a recorded MIDI file the sound that was heard during the recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from runtime.__main__ import main
from runtime.config import Config, VoiceConfig, load_config
from runtime.control.mapping.bindings import bind
from runtime.control.mapping.lines import MapLine
from runtime.events import (
    ALL_PARTS,
    ControlChange,
    Event,
    KnobTurn,
    MapChange,
    NoteOff,
    NoteOn,
    PartChange,
    PitchWheel,
    ProgramChange,
    SoundChange,
    Swap,
    TargetMove,
    Tempo,
)
from runtime.midi.recorded.events import event_of
from runtime.midi.recorded.ticks import one_tick_a_frame
from runtime.midi.recorded.writing import RecordedMidiWriter
from runtime.rack.build import build_chosen, parts_of, playable
from runtime.rack.part_choice import choose_parts
from runtime.rack.parts import Playable
from runtime.rack.rack import Rack
from runtime.rack.recorded.head import head_tree
from runtime.rack.recorded.replay import plain_event
from runtime.rack.recorded.state import RackState
from runtime.sound.choice import Choice, choose
from runtime.sound.motion import Modulation
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.hearing import read_wav
from tests.support.places import DATA
from tests.support.playing import parameter

TINY, SIZE = str(DATA / "tiny.onnx"), 256
BEFORE: list[tuple[int, Event]] = [
    (0, ControlChange(0, 7, 60)),
    (0, KnobTurn(1, 0.8)),
    (300, NoteOn(0, 50, 100)),
    (2000, ControlChange(0, 120, 0)),
]
AFTER: list[tuple[int, Event]] = [
    (9000, NoteOn(9, 60, 100, 1)),  # channel 10: `render` leaves it out of other MIDI files, but not of recordings
    (12_000, ControlChange(0, 70, 20)),
    (12_500, NoteOn(0, 40, 90, 0)),
    (15_000, NoteOff(0, 40)),
    (17_000, ProgramChange(0, 1)),
    (18_000, NoteOn(0, 64, 90)),
]


def heard_by(rack: Rack, events: list[tuple[int, Event]], n_frames: int, state_at: int) -> tuple[np.ndarray, deque]:
    """Play events; the rack's state is taken at the end of the block that contains frame `state_at`.

    Returns the sound, and the history as (frame, item). An item is an event or a state.
    """
    history: deque[tuple[int, object]] = deque()
    rack.keep_history(history)
    for frame, event in events:
        rack.post(event, frame)
    sound = np.zeros((n_frames // SIZE * SIZE, 2), np.float32)
    for at in range(0, len(sound), SIZE):
        if at <= state_at < at + SIZE:
            rack.ask_for_state()
        rack.render(sound[at : at + SIZE])
    return sound, history


def write(path: Path, rack: Rack, history: deque, after: list[tuple[int, Event]], n_frames: int) -> RackState:
    """Write a recording that begins with the state in `history`; returns this state.

    after: the events that were played, as (frame, event); those before the state are left out.
    """
    (state,) = [item for _, item in history if isinstance(item, RackState)]
    writer = RecordedMidiWriter(path, one_tick_a_frame(rack.sample_rate_hz), head_tree(rack.sample_rate_hz, state))
    base = state.parts[0].patch.settings
    timed = [(at - state.frame, event) for at, event in after if at >= state.frame]
    writer.add([(at, event_of(plain_event(event, base))) for at, event in timed], n_frames - state.frame)
    writer.finish(n_frames - state.frame)
    return state


def record(path: Path, config: Config, instrument: str | None, rate_hz: int, first: int = 6000) -> np.ndarray:
    """Play BEFORE and AFTER, and record from a state near frame `first`; returns the recorded part of the sound."""
    rack = build_chosen(choose(config, instrument, None, None), rate_hz)
    sound, history = heard_by(rack, BEFORE + AFTER, 30_000, first)
    return sound[write(path, rack, history, AFTER, len(sound)).frame :]


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[..., np.ndarray]:
    """A function that renders a file with options, and returns the samples, int (n, 2), and the rate."""

    def rendered(path: Path, *options: str) -> tuple[np.ndarray, int]:
        out = tmp_path / "out.wav"
        assert main(["render", str(path), str(out), *options]) == 0
        sound, rate_hz = read_wav(out)
        return np.rint(sound * 32768.0).astype(int), rate_hz

    return rendered


@pytest.mark.parametrize(("instrument", "rate_hz"), [(None, 44100), ("strings", 48000), (TINY, 22050)])
def test_the_samples_are_those_that_were_heard(
    tmp_path: Path, rendered: Callable[..., np.ndarray], instrument: str | None, rate_hz: int
) -> None:
    config = load_config()
    config = Config(**{name: getattr(config, name) for name in Config.__struct_fields__} | {"seed": 77})
    path = tmp_path / "a.mid"
    sound = record(path, config, instrument, rate_hz)
    options = ("--instrument", TINY) if instrument == TINY else ()
    again, again_hz = rendered(path, *options)
    assert again_hz == rate_hz
    assert np.abs(again).max() > 1000
    np.testing.assert_array_equal(again, np.rint(sound * 32767.0).astype(int))
    assert (rendered(path, *options, "--seed", "78")[0] != again).any()
    noise, coherent = (rendered(path, *options, "--phase", phase)[0] for phase in ("noise", "coherent"))
    assert (noise != coherent).any()


def assert_rack_is_repeated(
    path: Path, choice: Choice, before: list[tuple[int, Event]], after: list[tuple[int, Event]], rendered: object
) -> None:
    """Assert that `render` repeats the sound of a rack. The recording begins at frame 5888 + SIZE.

    before, after: the events before and after this frame, as (frame, event). No note may sound at this frame.
    """
    rack = build_chosen(choice, 44100)
    sound, history = heard_by(rack, before + after, 30_208, 5888)
    state = write(path, rack, history, after, len(sound))
    assert state.is_silent
    again, _ = rendered(path)
    assert np.abs(again).max() > 1000
    np.testing.assert_array_equal(again, np.rint(sound[state.frame :] * 32767.0).astype(int))


def test_learned_controls_move_what_they_moved(tmp_path: Path, rendered: Callable[..., np.ndarray]) -> None:
    def learned(control: str, target: str) -> MapChange:
        return MapChange(3, bind([MapLine(control=control, target=target)]))

    events: list[tuple[int, Event]] = [
        (9000, NoteOn(0, 60, 100, 3)),
        (12_000, ControlChange(0, 21, 40, 3)),
        (15_000, learned("cc 22", "latent.1")),
        (15_500, ControlChange(0, 22, 120, 3)),
    ]
    choice = choose(load_config(), None, None, None)
    assert_rack_is_repeated(tmp_path / "a.mid", choice, [(0, learned("cc 21", "filter.cutoff"))], events, rendered)


@pytest.mark.parametrize("before", [[(100, Tempo(300.0))], [(100, Tempo(300.0)), (200, ProgramChange(0, 9))]])
def test_the_arpeggiator_goes_on_as_it_was(
    tmp_path: Path, rendered: Callable[..., np.ndarray], before: list[tuple[int, Event]]
) -> None:
    path = tmp_path / "arpeggio.yaml"
    path.write_text("arpeggiator: {mode: up, rate_beats: 0.25}\nenvelope: {release_s: 0.01}")
    events: list[tuple[int, Event]] = [(9000, NoteOn(0, 60, 100)), (9000, NoteOn(0, 67, 100))]
    choice = choose(load_config(), None, None, str(path))
    assert_rack_is_repeated(tmp_path / "a.mid", choice, before, events, rendered)


def test_mistakes_take_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refusal(*arguments: str) -> str:
        assert main(["render", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    path, out = tmp_path / "a.mid", str(tmp_path / "out.wav")
    record(path, Config(voice=VoiceConfig(n_voices=4)), TINY, 44100)
    assert "'tiny'" in refusal(str(path), out)  # no instrument has this name
    assert "4 knobs" in refusal(str(path), out, "--instrument", "virtual-analogue")
    assert "leave it out" in refusal(str(path), out, "--instrument", TINY, "--preset", "Low")
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"x" + content[101:])
    assert "damaged" in refusal(str(path), out, "--instrument", TINY)


def test_the_length_of_a_recording_is_counted_at_its_own_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(rate_hz: int, seconds: int, *options: str) -> str:
        path, rack = tmp_path / f"{rate_hz}.mid", build_chosen(choose(Config(), TINY, None, None), rate_hz)
        _, history = heard_by(rack, [], SIZE, 0)
        write(path, rack, history, [], rate_hz * seconds)
        status = main(["render", str(path), str(tmp_path / "out.wav"), "--instrument", TINY, *options])
        said = capsys.readouterr().err
        assert status == 2 * bool(said)
        return said

    assert refusal(48000, 57, "--most-minutes", "1") == ""  # 62 s at 44,100 Hz
    assert "found 1.1 minutes of music; expected at most 1" in refusal(22050, 66, "--most-minutes", "1")
    assert "found 4.00 hours of music; expected at most 3.09, which a WAV" in refusal(96000, 4 * 3600)


def test_a_recording_that_began_with_notes_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mid"
    record(path, Config(), TINY, 44100, first=1000)
    assert main(["render", str(path), str(tmp_path / "out.wav"), "--instrument", TINY]) == 0
    assert "notes sounded when the recording began" in capsys.readouterr().err


SPLIT = """parts:
- {sound: a.yaml, instrument: pads, keys: [0, 59], transpose: 12, level_db: -3}
- {sound: Round bass, keys: [60, 127], pan: 0.4}
"""
LAYER = """parts:
- {sound: a.yaml, instrument: strings}
- {sound: a.yaml, instrument: pads, pan: -0.5, send: 0.3}
- {sound: b.yaml, channel: 2, level_db: -6}
- {sound: b.yaml, instrument: fm, velocity: [90, 127]}
"""
PLAYED: list[tuple[int, Event]] = [
    (6200, NoteOn(0, 50, 100)),
    (7000, NoteOff(0, 50)),
    (8000, NoteOn(0, 48, 100)),
    (9000, NoteOn(1, 67, 80)),
    (12_000, ControlChange(0, 70, 20)),
    (12_500, TargetMove("reverb", 0.6)),
    (14_000, NoteOff(0, 48)),
    (16_000, ProgramChange(0, 1)),
    (18_000, NoteOn(0, 64, 95)),
    (20_000, NoteOff(1, 67)),
]


def parts(folder: Path, text: str) -> Choice:
    """The choice of a sound with parts. text: the content of its file, with the sounds `a` and `b` as parts."""
    (folder / "a.yaml").write_text("effects: {reverb: 0.4, chorus: 0.2}\nenvelope: {release_s: 0.05}")
    (folder / "b.yaml").write_text("phase_blend: 1\nlfo_1: {shape: random}\nenvelope: {release_s: 0.05}")
    (folder / "both.yaml").write_text(text)
    return choose_parts(load_config(), None, None, str(folder / "both.yaml"))


@pytest.mark.parametrize("text", [SPLIT, LAYER])
def test_all_parts_are_rendered_again(tmp_path: Path, rendered: Callable[..., np.ndarray], text: str) -> None:
    choice = parts(tmp_path, text)
    before: list[tuple[int, Event]] = [
        (10, ControlChange(0, 7, 90)),
        (20, KnobTurn(0, 0.7)),
        (30, PartChange(part=1, level_db=-2.0, highest_key=100)),
        (6000, TargetMove("latent.2", 0.3)),  # may still wait for the hop at 6144 when the state is taken
        (6100, PartChange(part=0, level_db=-20.0)),  # the level still glides when the first note begins
    ]
    assert_rack_is_repeated(tmp_path / "a.mid", choice, before, PLAYED, rendered)


def test_an_instrument_that_is_swapped_is_rendered_again(tmp_path: Path, rendered: Callable[..., np.ndarray]) -> None:
    scale = tmp_path / "a.scl"
    scale.write_text("Seven\n 7\n" + "".join(f" {number * 1200.0 / 7:.3f}\n" for number in range(1, 8)))
    config = load_config()
    config = msgspec.structs.replace(config, tuning=msgspec.structs.replace(config.tuning, scale=str(scale)))
    choice, other = (choose(config, name, None, None) for name in ("pads", "strings"))
    ready = playable(other.patch, other.instrument, 44100, other.programs)
    wheel = Sound(
        filter=Filter(type="low", cutoff_hz=200.0), modulation=(Modulation("mod_wheel", "filter.cutoff", 1.0),)
    )
    another = SoundChange(ready.engine.prepare(msgspec.structs.replace(other.programs[1], sound=wheel)))
    before: list[tuple[int, Event]] = [(10, ControlChange(0, 7, 60)), *((20, each) for each in parameter(0, 0, 12))]
    swap = 15_003, Swap(0, "strings", None, ready)
    later = [
        (17_000, PitchWheel(0, 4000)),
        (18_500, ControlChange(0, 1, 90)),
        (19_000, another),
        (19_000, NoteOn(0, 70, 90)),
    ]
    rack = build_chosen(choice, 44100)
    events = sorted([*PLAYED, swap, *later], key=lambda at: at[0])
    sound, history = heard_by(rack, before + events, 30_208, 5888)
    assert rack.engine().instrument.path.stem == "strings"
    scale.unlink()
    after = [(at, event) for at, event in history if not isinstance(event, RackState)][len(before) :]
    state = write(tmp_path / "a.mid", rack, history, after, len(sound))
    assert all(not isinstance(event.made, Playable) for _, event in after if isinstance(event, Swap))
    again, _ = rendered(tmp_path / "a.mid")
    np.testing.assert_array_equal(again, np.rint(sound[state.frame :] * 32767.0).astype(int))


def test_a_split_that_is_chosen_meanwhile_is_rendered_again(
    tmp_path: Path, rendered: Callable[..., np.ndarray]
) -> None:
    rack = build_chosen(choose(load_config(), "pads", None, None), 44100)
    split, single = parts(tmp_path, LAYER), choose(load_config(), "strings", None, None)
    swaps = [(11_003, Swap(ALL_PARTS, "strings", None, parts_of(split, 44100)))]
    swaps += [(15_503, Swap(ALL_PARTS, "strings", None, parts_of(single, 44100)))]
    sound, history = heard_by(rack, sorted([*PLAYED, *swaps], key=lambda at: at[0]), 30_208, 5888)
    assert rack.n_parts == 1
    after = [(at, event) for at, event in history if not isinstance(event, RackState)]
    state = write(tmp_path / "a.mid", rack, history, after, len(sound))
    again, _ = rendered(tmp_path / "a.mid")
    np.testing.assert_array_equal(again, np.rint(sound[state.frame :] * 32767.0).astype(int))


def test_what_the_first_recordings_lack_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rack = build_chosen(parts(tmp_path, SPLIT), 44100)
    _, history = heard_by(rack, [], SIZE, 0)
    tree = head_tree(44100, history[0][1])
    tree = {key: value for key, value in tree.items() if key not in ("others", "rack", "said", "part", "levels")}
    writer = RecordedMidiWriter(tmp_path / "a.mid", one_tick_a_frame(44100), tree)
    writer.add([(441, Swap(0, "strings"))], 500)
    writer.finish(1000)
    assert main(["render", str(tmp_path / "a.mid"), str(tmp_path / "out.wav")]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "timbrebox: 2 parts were recorded; only the first one is rendered",
        "timbrebox: another instrument was chosen 0.0 s after the beginning; render keeps pads",
    ]
