"""`render` of a recorded MIDI file: it follows the file's head, options win, and mistakes take one line."""

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
from runtime.engine.build import build_engine
from runtime.engine.recorded.head import Start, head_tree, plain_event, played_instrument
from runtime.engine.recorded.state import EngineState
from runtime.events import ControlChange, Event, KnobTurn, MapChange, NoteOff, NoteOn, ProgramChange, Swap, Tempo
from runtime.midi.recorded.events import event_of
from runtime.midi.recorded.ticks import one_tick_a_frame
from runtime.midi.recorded.writing import RecordedMidiWriter
from runtime.rack.build import build_chosen
from runtime.rack.part_choice import choose_parts
from runtime.sound.choice import Choice, choose
from tests.support.hearing import read_wav
from tests.support.places import DATA

TINY, SIZE = str(DATA / "tiny.onnx"), 256
BEFORE: list[tuple[int, Event]] = [
    (0, ControlChange(0, 7, 60)),
    (0, KnobTurn(1, 0.8)),
    (300, NoteOn(0, 50, 100)),
    (2000, ControlChange(0, 120, 0)),
]
AFTER: list[tuple[int, Event]] = [
    (9000, NoteOn(9, 60, 100, 1)),  # channel 10 is not a drum here: the note sounded
    (12_000, ControlChange(0, 70, 20)),
    (12_500, NoteOn(0, 40, 90, 0)),
    (15_000, NoteOff(0, 40)),
    (17_000, ProgramChange(0, 1)),
    (18_000, NoteOn(0, 64, 90)),
]


def record(path: Path, config: Config, instrument: str | None, rate_hz: int, first: int = 6000) -> np.ndarray:
    """Play BEFORE and AFTER, and record from a state at about frame `first`; returns the sound from this state on."""
    choice = choose(config, instrument, None, None)
    engine = build_engine(choice.patch, choice.instrument, rate_hz, choice.programs)
    history: deque[tuple[int, object]] = deque()
    engine.keep_history(history)
    for frame, event in BEFORE + AFTER:
        engine.post(event, frame)
    sound = np.zeros((30_000 // SIZE * SIZE, 2), np.float32)
    for at in range(0, len(sound), SIZE):
        if at + SIZE >= first and not any(isinstance(item, EngineState) for _, item in history):
            engine.ask_for_state()
        engine.render(sound[at : at + SIZE])
    (state,) = [item for _, item in history if isinstance(item, EngineState)]
    state = msgspec.structs.replace(state, waiting=())  # the file has the waiting events of AFTER
    patch, programs = engine.sounds
    head = head_tree(Start(rate_hz, played_instrument(choice.instrument.path), patch, programs, state))
    writer = RecordedMidiWriter(path, one_tick_a_frame(rate_hz), head)
    timed = [(at - state.frame, event) for at, event in AFTER if at >= state.frame]
    # The events as the companion receives them.
    writer.add([(at, event_of(plain_event(event, patch.settings))) for at, event in timed], 20_000)
    writer.finish(len(sound) - state.frame)
    return sound[state.frame :]


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[..., np.ndarray]:
    """A function that renders a file with options, and returns the samples, as int (n, 2), and the rate."""

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
    """Play on a rack, and record from frame 5888 + SIZE on; `render` must repeat the sound.

    The rack must be silent at that frame.
    """
    rack = build_chosen(choice, 44100)
    history: deque[tuple[int, object]] = deque()
    rack.keep_history(history)
    for frame, event in before + after:
        rack.post(event, frame)
    sound = np.zeros((30_208, 2), np.float32)
    for at in range(0, len(sound), SIZE):
        if at == 5888:
            rack.ask_for_state()
        rack.render(sound[at : at + SIZE])
    (state,) = [item for _, item in history if isinstance(item, EngineState)]
    state = msgspec.structs.replace(state, waiting=())
    patch, programs = rack.engine().sounds
    head = head_tree(Start(44100, played_instrument(choice.instrument.path), patch, programs, state))
    writer = RecordedMidiWriter(path, one_tick_a_frame(44100), head)
    writer.add([(at - state.frame, event_of(plain_event(event, patch.settings))) for at, event in after], 20_000)
    writer.finish(len(sound) - state.frame)
    again, _ = rendered(path)
    assert np.abs(again).max() > 1000
    np.testing.assert_array_equal(again, np.rint(sound[state.frame :] * 32767.0).astype(int))


def test_learned_controls_move_what_they_moved(tmp_path: Path, rendered: Callable[..., np.ndarray]) -> None:
    def learned(control: str, target: str) -> MapChange:
        return MapChange(3, bind([MapLine(control=control, target=target)]))

    events: list[tuple[int, Event]] = [
        (9000, NoteOn(0, 60, 100, 3)),
        (12_000, ControlChange(0, 21, 40, 3)),
        (15_000, learned("cc 22", "latent.1")),  # another control is learned during the recording
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
    assert "'tiny'" in refusal(str(path), out)  # not an instrument that can be found by its name
    assert "4 knobs" in refusal(str(path), out, "--instrument", "virtual-analogue")
    assert "leave it out" in refusal(str(path), out, "--instrument", TINY, "--preset", "Low")
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"x" + content[101:])
    assert "damaged" in refusal(str(path), out, "--instrument", TINY)


def test_a_recording_that_began_with_notes_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mid"
    record(path, Config(), TINY, 44100, first=1000)
    assert main(["render", str(path), str(tmp_path / "out.wav"), "--instrument", TINY]) == 0
    assert "notes sounded when the recording began" in capsys.readouterr().err


def test_what_render_leaves_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("parts: [{sound: Round bass}, {sound: Slow pad}]")
    choice = choose_parts(load_config(), None, None, str(tmp_path / "a.yaml"))
    rack = build_chosen(choice, 44100)
    history: deque[tuple[int, object]] = deque()
    rack.keep_history(history)
    rack.ask_for_state()
    rack.render(np.zeros((SIZE, 2), np.float32))
    ((_, state),) = history
    patch, programs = rack.engine().sounds
    head = head_tree(Start(44100, played_instrument(choice.instrument.path), patch, programs, state))
    writer = RecordedMidiWriter(tmp_path / "a.mid", one_tick_a_frame(44100), head)
    writer.add([(441, event_of(plain_event(Swap(0, "strings"), patch.settings)))], 500)
    writer.finish(1000)
    assert main(["render", str(tmp_path / "a.mid"), str(tmp_path / "out.wav")]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "timbrebox: 2 parts were recorded; only the first one is rendered",
        "timbrebox: another instrument was chosen 0.0 s after the beginning; render keeps virtual-analogue",
    ]
