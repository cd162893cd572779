"""The audio output chooses a device and gives each event its frame."""

from __future__ import annotations

import resource
import threading

import numpy as np
import pytest

from runtime.audio.block_renderer import BlockRenderer
from runtime.audio.clock import GRID_FRAMES, MOST_AHEAD, EngineClock
from runtime.audio.devices import OutputDevice, choose_output
from runtime.audio.output import DeviceOutput, NullOutput, null_output, open_output
from runtime.base.errors import UserError
from runtime.config import AudioConfig
from tests.support.rig import PERIOD_FRAMES, SAMPLE_RATE_HZ, JackServer, wait_until

OUTPUTS = [
    OutputDevice(0, "HDMI: 0 (hw:0,3)", "ALSA", 2, 48000, False),
    OutputDevice(1, "USB Audio: - (hw:1,0)", "ALSA", 2, 44100, False),
    OutputDevice(2, "default", "ALSA", 32, 44100, True),
    OutputDevice(3, "USB Audio", "JACK Audio Connection Kit", 2, 48000, True),
]


class Ramp:
    def __init__(self) -> None:
        self.frame = 0
        self.enough = threading.Event()

    def render(self, out: np.ndarray) -> None:
        out[:] = np.arange(self.frame, self.frame + len(out))[:, None]
        self.frame += len(out)
        if self.frame > SAMPLE_RATE_HZ // 2:
            self.enough.set()


class Faults(Ramp):
    """Before each block, stores how many page faults the rendering thread has had so far."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def render(self, out: np.ndarray) -> None:
        self.counts.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt)
        super().render(out)


class Constant:
    def __init__(self, value: float):
        self.frame, self.value = 0, value

    def render(self, out: np.ndarray) -> None:
        out[:] = self.value
        self.frame += len(out)


def test_an_engine_that_takes_over_plays_from_the_next_block_on() -> None:
    blocks = BlockRenderer(Constant(0.5), SAMPLE_RATE_HZ, 64)
    assert blocks.next_block(64, False)[0, 0] == 0.5
    blocks.take_over(Constant(0.25))
    assert blocks.next_block(64, False)[0, 0] == 0.25


@pytest.mark.parametrize(
    ("host_api", "device", "index"),
    [
        (None, None, 2),
        ("jack", None, 3),
        (None, "hdmi", 0),
        ("alsa", "usb", 1),
        (None, "USB Audio", 3),
        (None, "Default", 2),
    ],
)
def test_an_output_is_chosen_by_words_of_its_name(host_api: str | None, device: str | None, index: int) -> None:
    assert choose_output(OUTPUTS, host_api, device).index == index


@pytest.mark.parametrize(
    ("host_api", "device", "words"),
    [
        (None, "usb", ["ALSA: USB Audio: - (hw:1,0)", "JACK Audio Connection Kit: USB Audio", "host_api"]),
        (None, "defualt", ["did you mean 'default'"]),
        ("alsa", "surround", ["'surround'", "HDMI"]),
        ("asio", None, ["'asio'", "ALSA"]),
    ],
)
def test_a_name_that_fits_none_or_several_is_the_users_error(
    host_api: str | None, device: str | None, words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        choose_output(OUTPUTS, host_api, device)
    assert all(word in str(error.value) for word in words)


def test_no_device_at_all_is_no_error_unless_one_is_named() -> None:
    assert choose_output([], None, None) is None
    with pytest.raises(UserError):
        choose_output([], None, "usb")


def test_an_event_sounds_one_buffer_after_it_arrives_whatever_the_callbacks_jitter() -> None:
    rate_hz, n_frames, rng = 48000, 256, np.random.default_rng(0)
    clock = EngineClock(rate_hz, n_frames)
    assert clock.frame_at(1.0) is None
    delays_frames = []
    for block in range(2000):
        due_s = 100.0 + block * n_frames / rate_hz
        clock.block_begins(block * n_frames, due_s + rng.uniform(0.0, 0.001))
        arrival_s = due_s + rng.uniform(0.001, n_frames / rate_hz)
        delays_frames.append(clock.frame_at(arrival_s) - (arrival_s - 100.0) * rate_hz)
    settled = np.array(delays_frames[200:])
    assert abs(settled.mean() - (n_frames - 0.0005 * rate_hz)) < 3.0
    assert np.ptp(settled) < 24.0 + GRID_FRAMES


def test_notes_that_arrive_together_begin_together_and_a_clock_keeps_its_time() -> None:
    clock, rate_hz = EngineClock(48000, 256), 48000
    clock.block_begins(0, 100.0)
    arrivals_s = [100.002 + 20e-6 * number for number in range(16)]
    assert len({clock.frame_at(arrival_s) for arrival_s in arrivals_s}) <= 2
    assert all(clock.frame_at(arrival_s) % GRID_FRAMES == 0 for arrival_s in arrivals_s)
    exact = [round((arrival_s - 100.0) * rate_hz) + 256 for arrival_s in arrivals_s]
    assert [clock.frame_at(arrival_s, is_exact=True) for arrival_s in arrivals_s] == exact


def test_the_clock_starts_anew_after_a_gap() -> None:
    clock = EngineClock(48000, 256)
    for block in range(100):
        clock.block_begins(block * 256, block * 256 / 48000)
    clock.block_begins(100 * 256, 5.0)
    assert clock.frame_at(5.0) == 100 * 256 + 256


def test_a_device_that_asks_for_nothing_more_does_not_let_events_wait() -> None:
    clock = EngineClock(48000, 256)
    for block in range(100):
        clock.block_begins(block * 256, block * 256 / 48000)
    assert clock.frame_at(10.0) == (99 + MOST_AHEAD) * 256
    assert clock.frame_at(99 * 256 / 48000, not_before=101 * 256) == 101 * 256
    assert clock.frame_at(99 * 256 / 48000, not_before=200 * 256) == (99 + MOST_AHEAD) * 256


def test_a_failing_engine_gives_silence_and_its_failure() -> None:
    class Failing(Ramp):
        def render(self, out: np.ndarray) -> None:
            out[:] = 1.0
            raise ZeroDivisionError

    blocks = BlockRenderer(Failing(), 44100, 64)
    assert not blocks.next_block(64, underflow=True).any()
    assert isinstance(blocks.failure, ZeroDivisionError)
    assert (blocks.n_blocks, blocks.n_underflows) == (1, 1)


def test_the_null_output_renders_on_and_stops() -> None:
    engine, output = Ramp(), null_output(AudioConfig(sample_rate_hz=22050, buffer_frames=128))
    assert output.sample_rate_hz == 22050
    output.start(engine)
    wait_until(lambda: output.blocks.n_blocks >= 20, "blocks")
    output.close()
    n_blocks = output.blocks.n_blocks
    assert engine.frame == 128 * n_blocks
    assert output.blocks.clock.frame_at(0.0) is not None


def test_an_output_named_null_needs_no_portaudio() -> None:
    assert isinstance(open_output(AudioConfig(device="null")), NullOutput)


@pytest.mark.rig
def test_a_real_device_plays_every_block_at_its_own_rate(on_rig: JackServer) -> None:
    # JACK refuses all sample rates but its own.
    config = AudioConfig(host_api="jack", device="SYSTEM", sample_rate_hz=48000, buffer_frames=PERIOD_FRAMES)
    output = open_output(config)
    assert isinstance(output, DeviceOutput)
    try:
        assert output.sample_rate_hz == SAMPLE_RATE_HZ
        engine = Ramp()
        output.start(engine)
        assert engine.enough.wait(30.0)
    finally:
        assert output.close()
    assert engine.frame == output.blocks.n_blocks * PERIOD_FRAMES
    assert output.blocks.failure is None


@pytest.mark.rig
def test_portaudio_is_let_go_of_so_that_it_can_look_again(on_rig: JackServer) -> None:
    for _ in range(3):
        output = open_output(AudioConfig(host_api="jack", buffer_frames=PERIOD_FRAMES))
        output.start(Ramp())
        wait_until(lambda output=output: output.blocks.n_blocks > 3, "blocks")
        assert output.close()


@pytest.mark.rig
def test_blocks_map_no_memory(on_rig: JackServer) -> None:
    for _ in range(2):  # twice: the second output renders in another thread
        output = open_output(AudioConfig(host_api="jack", buffer_frames=PERIOD_FRAMES))
        engine = Faults()
        output.start(engine)
        wait_until(lambda engine=engine: len(engine.counts) > 60, "blocks")
        assert output.close()
        assert engine.counts[60] - engine.counts[10] < 25  # newly mapped memory would cause page faults
