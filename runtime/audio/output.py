"""Plays the engine's blocks on a sound card, or renders them without one."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from runtime.audio.clock import EngineClock
from runtime.audio.devices import choose_input, choose_output, list_inputs, list_outputs, load_portaudio
from runtime.audio.jack_server import JackServer
from runtime.audio.load import BlockLoads
from runtime.base.errors import UserError
from runtime.base.quiet import quiet_stderr
from runtime.base.realtime import AUDIO_PRIORITY, DriverThreadState, promote_thread, touch_heap

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.audio.cues import CuePlayer
    from runtime.audio.devices import InputDevice, OutputDevice
    from runtime.audio.quick_cut import QuickCut
    from runtime.audio.sound_ring import SoundRing
    from runtime.config import AudioConfig

NO_DEVICE = "null"
FALLBACK_RATE_HZ = 44100
BUSY_SHARE = 0.25  # an effect may wait if the engine took more than this share of the block's playing time
_INVALID_RATE = -9997  # PortAudio's number of the error "invalid sample rate"
_CLOSE_LIMIT_S, _DEAD_CLOSE_LIMIT_S = 3.0, 0.2


class SoundSource(Protocol):
    """What an output uses of the engine.

    frame: the next frame to render. render: fills `out`, float32 (n_frames, 2).
    """

    frame: int

    def render(self, out: np.ndarray) -> None: ...


class Effect(Protocol):
    """An effect on the sound card's input; `add` adds its sound to `block`, float32 (n, 2).

    `add` runs on the audio thread: it must neither block nor raise.
    incoming: the input, float32 (n, n_channels).
    may_wait: whether work may wait for a later block, because the engine had much work on this one.
    delay_frames: the effect's own latency.
    """

    delay_frames: int

    def add(self, incoming: np.ndarray, block: np.ndarray, may_wait: bool) -> None: ...


class AudioIn(NamedTuple):
    """A request for an input. device: part of its name; None for the default of the output's host API."""

    device: str | None = None


class BlockRenderer:
    """Renders the engine's blocks for the driver, and counts late blocks and underflows.

    n_underflows: number of blocks before which the driver ran out of sound.
    n_not_finite: number of blocks with a NaN or an infinity, which are silenced.
    failure: the first exception; a block that raises one is silent.
    ring: receives a copy of every block, without cues.
    realtime: whether the audio thread got its real-time priority.
    thread_id: the system's number of the audio thread.
    is_busy: whether a block is being rendered; other threads then give way.
    wake: called on the audio thread after a block that was late, nearly late or not finite; it must not block.
    cues: adds chimes to the output.
    quick_cut: ends voices if blocks are late.
    peak: the largest absolute sample since `peak` was set to 0, if is_metered.
    """

    def __init__(
        self,
        engine: SoundSource,
        sample_rate_hz: float,
        buffer_frames: int,
        effect: Effect | None = None,
        ring: SoundRing | None = None,
        wake: Callable[[], object] | None = None,
    ):
        self.clock, self.loads = EngineClock(sample_rate_hz, buffer_frames), BlockLoads()
        self.n_blocks = self.n_underflows = self.n_not_finite = 0
        self.failure: Exception | None = None
        self.realtime = self.is_busy = self.is_metered = False
        self.peak = 0.0
        self.thread_id: int | None = None
        self.cues: CuePlayer | None = None
        self.quick_cut: QuickCut | None = None
        self.effect, self._ring, self._wake = effect, ring, wake
        self._sample_rate_hz = sample_rate_hz
        self._engine = engine
        self._resize(buffer_frames)

    @property
    def engine(self) -> SoundSource:
        return self._engine

    def take_over(self, engine: SoundSource) -> None:
        """Let another engine play from the next block on; may be called on any thread.

        The caller keeps a reference to the old engine for one more block; otherwise the audio thread might free it.
        """
        self._engine = engine

    def next_block(self, n_frames: int, underflow: bool, incoming: np.ndarray | None = None) -> np.ndarray:
        """The next block, float32 (n_frames, 2), valid until the next call; for the audio thread only.

        underflow: whether the driver ran out of sound before this block. incoming: the input's frames for the effect,
        float32 (n_frames, n_channels); None without an input.
        Nothing called here may block: no lock, no file, no log. An exception is kept in `failure`.
        """
        begin_s, work_begin_s = time.perf_counter(), time.thread_time()
        self.is_busy = True
        if self.n_blocks == 0:
            self.realtime, self.thread_id = promote_thread(AUDIO_PRIORITY), threading.get_native_id()
            touch_heap()
        if n_frames != len(self._block):
            self._resize(n_frames)
        engine = self._engine
        frame = engine.frame
        self.clock.block_begins(frame, begin_s)
        try:
            engine.render(self._block)
            if self.effect is not None and incoming is not None:
                may_wait = (time.perf_counter() - begin_s) * self._sample_rate_hz > BUSY_SHARE * n_frames
                self.effect.add(incoming, self._block, may_wait)
            self._silence_if_not_finite()
            if self._ring is not None:
                self._ring.write(frame, self._block)
            if self.cues is not None:
                self.cues.add(self._block)
        except Exception as error:
            self.failure = self.failure or error
            self._block.fill(0.0)
        if self.is_metered:
            self.peak = max(self.peak, float(self._block.max()), -float(self._block.min()))
        self.n_blocks += 1
        self.n_underflows += underflow
        self.is_busy = False
        took_s, worked_s = time.perf_counter() - begin_s, time.thread_time() - work_begin_s
        is_near = self.loads.add(took_s, worked_s, n_frames / self._sample_rate_hz)
        if is_near and self.quick_cut is not None:
            self.quick_cut.look(self.loads, engine)
        if is_near and self._wake is not None:
            self._wake()
        return self._block

    def _resize(self, n_frames: int) -> None:
        self._block = np.zeros((n_frames, 2), np.float32)

    def _silence_if_not_finite(self) -> None:
        # One sum checks all samples: any NaN or infinity makes it NaN or infinite.
        samples = self._block.ravel()
        if not math.isfinite(np.dot(samples, samples)):
            self._block.fill(0.0)
            self.n_not_finite += 1
            if self._wake is not None:
                self._wake()


class NullOutput:
    """An output without a device: a timer thread renders blocks and discards them."""

    is_device = server_has_gone = False
    name = NO_DEVICE
    delay_s = 0.0

    def __init__(self, sample_rate_hz: int, buffer_frames: int):
        self.sample_rate_hz, self.buffer_frames = sample_rate_hz, buffer_frames
        self.blocks: BlockRenderer | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="null-audio", daemon=True)

    def start(
        self,
        engine: SoundSource,
        _effect: Effect | None = None,
        ring: SoundRing | None = None,
        wake: Callable[[], object] | None = None,
    ) -> None:
        """Start rendering; the effect is ignored."""
        self.blocks = BlockRenderer(engine, self.sample_rate_hz, self.buffer_frames, ring=ring, wake=wake)
        self._thread.start()

    def _run(self) -> None:
        block_s = self.buffer_frames / self.sample_rate_hz
        due_s = time.perf_counter()
        while not self._stopped.wait(max(0.0, due_s - time.perf_counter())):
            self.blocks.next_block(self.buffer_frames, underflow=False)
            # After the machine was suspended, skip the missed blocks except the newest four.
            due_s = max(due_s + block_s, time.perf_counter() - 4 * block_s)

    def close(self, plays: bool = True) -> bool:
        """Stop rendering; returns True."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_LIMIT_S)
        return True


class DeviceOutput:
    """An open PortAudio device, which requests each block through a callback.

    sample_rate_hz: the requested rate; None for the device's default rate. The default is also used if the device
    refuses the requested rate. The attribute of this name is the rate in use.
    source: the input to open with the output; None for no input.
    UserError if the device cannot be opened.
    """

    is_device = True

    def __init__(
        self,
        portaudio: object,
        device: OutputDevice,
        sample_rate_hz: int | None,
        buffer_frames: int,
        source: InputDevice | None = None,
    ):
        self.name = str(device)
        self._is_jack, self._server = "JACK" in device.host_api, None
        self.source = source
        # PyAudio opens a stream's input and output with one number of channels, so take one that both can have.
        self._n_channels = min(2, device.n_channels, source.n_channels if source else 2)
        self.buffer_frames = buffer_frames
        self.blocks: BlockRenderer | None = None
        self._portaudio, self._thread_state = portaudio, DriverThreadState()
        self._closing = threading.Thread(target=self._close, name="audio-close", daemon=True)
        self._closed = threading.Event()
        self._mono = np.zeros(buffer_frames, np.float32) if self._n_channels == 1 else None
        self.sample_rate_hz = sample_rate_hz or device.default_rate_hz
        try:
            self._stream = self._open(device)
        except OSError as error:
            if error.errno != _INVALID_RATE or self.sample_rate_hz == device.default_rate_hz:
                raise _refused(device, error) from None
            self.sample_rate_hz = device.default_rate_hz
            try:
                self._stream = self._open(device)
            except OSError as second:
                raise _refused(device, second) from None

    def _open(self, device: OutputDevice) -> object:
        import pyaudio

        self._continue, self._underflow_flag = pyaudio.paContinue, pyaudio.paOutputUnderflow
        with quiet_stderr():
            return self._portaudio.open(
                rate=self.sample_rate_hz,
                channels=self._n_channels,
                format=pyaudio.paFloat32,
                output=True,
                input=self.source is not None,
                input_device_index=self.source and self.source.index,
                output_device_index=device.index,
                frames_per_buffer=self.buffer_frames,
                start=False,
                stream_callback=self._callback,
            )

    def _callback(self, given: bytes | None, n_frames: int, _times: object, status: int) -> tuple[np.ndarray, int]:
        self._thread_state.keep()
        incoming = np.frombuffer(given, np.float32).reshape(-1, self._n_channels) if given else None
        block = self.blocks.next_block(n_frames, bool(status & self._underflow_flag), incoming)
        if self._mono is not None:
            block = np.mean(block, axis=1, out=self._mono)
        return block, self._continue

    @property
    def delay_s(self) -> float:
        """The time in s from a block's rendering until its first frame is heard."""
        return max(0.0, self._stream.get_output_latency())

    @property
    def latency_s(self) -> float:
        """The latency in s from input to output: the input's and the output's latency, at least one block each."""
        least_s = self.buffer_frames / self.sample_rate_hz
        told_s = (self._stream.get_input_latency(), self._stream.get_output_latency()) if self.source else (0.0, 0.0)
        return sum(max(least_s, latency_s) for latency_s in told_s)

    def start(
        self,
        engine: SoundSource,
        effect: Effect | None = None,
        ring: SoundRing | None = None,
        wake: Callable[[], object] | None = None,
    ) -> None:
        """Start playing. wake: as in BlockRenderer."""
        self.blocks = BlockRenderer(engine, self.sample_rate_hz, self.buffer_frames, effect, ring, wake)
        if self._is_jack and wake is not None:
            self._server = JackServer(wake)
        with quiet_stderr():
            self._stream.start_stream()

    @property
    def server_has_gone(self) -> bool:
        """Whether the JACK server has ended; always False for other host APIs."""
        return self._server is not None and self._server.has_gone

    def close(self, plays: bool = True) -> bool:
        """Close the device and PortAudio; returns False if the driver hangs.

        plays: whether the driver still requests blocks; if not, JACK gets less time to close.
        """
        if self.server_has_gone:
            return False  # without its server, the driver would hang
        if not self._closing.is_alive() and not self._closed.is_set():
            self._closing.start()
            self._closed.wait(_CLOSE_LIMIT_S if plays or not self._is_jack else _DEAD_CLOSE_LIMIT_S)
        return self._closed.is_set()

    def _close(self) -> None:
        leave = [self._server.close] if self._server is not None else []
        for step in (*leave, self._stream.close, self._portaudio.terminate):
            # Closing an unplugged card raises an error.
            with contextlib.suppress(OSError):
                step()
        self._thread_state.free()
        self._closed.set()


Output = NullOutput | DeviceOutput


def open_output(config: AudioConfig, audio_in: AudioIn | None = None) -> Output | None:
    """Open the settings' output, without starting it; None if no device is named and there is none.

    audio_in: the input to open with the output; None for no input. An unnamed input that cannot be opened is left out.
    UserError if the named device or the named input is missing, ambiguous or busy.
    """
    if config.device == NO_DEVICE:
        return null_output(config)
    portaudio = load_portaudio()
    try:
        device = choose_output(list_outputs(portaudio), config.host_api, config.device)
        if device is not None:
            return _opened(portaudio, device, config, audio_in)
    except BaseException:
        portaudio.terminate()
        raise
    portaudio.terminate()
    return None


def _opened(portaudio: object, device: OutputDevice, config: AudioConfig, audio_in: AudioIn | None) -> DeviceOutput:
    what = portaudio, device, config.sample_rate_hz, config.buffer_frames
    source = audio_in and choose_input(list_inputs(portaudio), device.host_api, audio_in.device)
    if source is not None:
        try:
            return DeviceOutput(*what, source)
        except UserError:
            if audio_in.device is not None:
                raise
    return DeviceOutput(*what)


def null_output(config: AudioConfig) -> NullOutput:
    """An output without a device, with the settings' sample rate and buffer size."""
    return NullOutput(config.sample_rate_hz or FALLBACK_RATE_HZ, config.buffer_frames)


def _refused(device: OutputDevice, error: OSError) -> UserError:
    reason = error.args[-1] if error.args else error
    remedy = "close what else is playing through it, or choose another (see: timbrebox devices)"
    return UserError(f"audio device {device}", f"it cannot be opened ({reason})", "a free output", remedy)
