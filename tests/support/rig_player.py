"""The process of `rig.Player`: a JACK client alone in its process.

Nothing else may delay this client: a late client makes JACK report an underrun to all.

`python -m tests.support.rig_player SERVER MIDI_PORT [AUDIO_PORT ...]` reads lines of JSON from standard input:
- `{"send": [[144, 60, 100], ...]}` sends MIDI in the next period.
- `{"record": N}` records N frames. It then writes to standard output the `time.monotonic()` of the first frame as a
  float64, and the frames as float32.
"""

from __future__ import annotations

import json
import queue
import struct
import sys
import threading
import time

import jack
import numpy as np

from runtime.base.realtime import prepare_process


class PlayerClient:
    def __init__(self, server: str, n_audio: int):
        self._client = jack.Client("player", servername=server, no_start_server=True)
        self._midi = self._client.midi_outports.register("out")
        self._inputs = [self._client.inports.register(f"in_{i}") for i in range(n_audio)]
        self._todo: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._recording = np.zeros((0, n_audio), np.float32)
        self._n_recorded, self._began_s = 0, 0.0
        self._recorded = threading.Event()
        self._client.set_process_callback(self._process)

    def connect(self, midi: str, audio: list[str]) -> None:
        self._client.activate()
        if midi:
            self._client.connect(self._midi, midi)
        for name, port in zip(audio, self._inputs, strict=True):
            self._client.connect(name, port)

    def _process(self, n_frames: int) -> None:
        self._midi.clear_buffer()
        while not self._todo.empty():
            self._midi.write_midi_event(0, self._todo.get_nowait())
        target = self._recording[self._n_recorded : self._n_recorded + n_frames]
        if len(target):
            if self._n_recorded == 0:
                since_frames = self._client.frame_time - self._client.last_frame_time
                self._began_s = time.monotonic() - since_frames / self._client.samplerate
            for port, channel in zip(self._inputs, target.T, strict=True):
                channel[:] = port.get_array()[: len(target)]
            self._n_recorded += len(target)
            if self._n_recorded == len(self._recording):
                self._recorded.set()

    def send(self, messages: list[list[int]]) -> None:
        for message in messages:
            self._todo.put(bytes(message))

    def record(self, n_frames: int) -> tuple[float, np.ndarray]:
        """Record; returns `time.monotonic()` at the first frame, and the samples, float32 (n_frames, n_ports)."""
        self._recorded.clear()
        self._n_recorded, self._recording = n_frames, np.zeros((n_frames, len(self._inputs)), np.float32)
        self._n_recorded = 0
        self._recorded.wait()
        return self._began_s, self._recording


def main() -> None:
    server, midi, *audio = sys.argv[1:]
    player = PlayerClient(server, len(audio))
    prepare_process()
    player.connect(midi, audio)
    print("ready", file=sys.stderr, flush=True)
    for line in sys.stdin:
        match json.loads(line):
            case {"send": messages}:
                player.send(messages)
            case {"record": n_frames}:
                began_s, sound = player.record(n_frames)
                sys.stdout.buffer.write(struct.pack("=d", began_s) + sound.tobytes())
                sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
