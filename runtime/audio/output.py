"""Plays the engine's blocks on a sound card, or renders them without one."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from runtime.audio.block_renderer import BlockRenderer, Effect, SoundSource
from runtime.audio.devices import choose_input, choose_output, list_inputs, list_outputs, load_portaudio
from runtime.audio.jack_server import JackServer
from runtime.base.errors import UserError
from runtime.base.quiet import quiet_stderr
from runtime.base.realtime import DriverThreadState

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.audio.devices import InputDevice, OutputDevice
    from runtime.audio.sound_ring import SoundRing
    from runtime.config import AudioConfig

NO_DEVICE = "null"
FALLBACK_RATE_HZ = 44100
_INVALID_RATE = -9997  # PortAudio's error code for "invalid sample rate"
_CLOSE_LIMIT_S, _DEAD_CLOSE_LIMIT_S = 3.0, 0.2


class AudioIn(NamedTuple):
    """A request for an input.

    device: part of the input's name; None for the default input of the host API that has the output.
    """

    device: str | None = None


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
        refuses the requested rate. The attribute `sample_rate_hz` is the rate in use.
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
        # PyAudio opens a stream's input and output with the same number of channels. So take a number that both the
        # input and the output can have.
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
        """The latency in s from input to output: the sum of the input's and the output's latency.

        Each of these two latencies counts as at least the length of one block.
        """
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
        """Close the device and PortAudio; returns False if the driver hangs, or if the JACK server has ended.

        plays: whether the driver still requests blocks; if not, JACK gets less time to close.
        """
        if self.server_has_gone:
            return False  # without its server, the driver would hang while closing
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
    """Open the settings' output, but do not start it; None if they name no device and the machine has no output.

    audio_in: the input to open with the output; None for no input. If it has no name and the default input cannot be
        opened, only the output is opened.
    UserError if the output or a named input cannot be opened, or if a name fits no device or several.
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
