"""A microphone on the rig: a JACK client in another process, which sends a sound to ports again and again.

python -m tests.support.rig_source SERVER SOUND.npy PORT [PORT ...] plays until standard input ends. The file SOUND.npy
holds the samples, float32 (n_frames,).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import jack
import numpy as np

from runtime.base.realtime import prepare_process
from tests.support.places import ROOT
from tests.support.rig import JackServer


class Microphone:
    """A context manager that sends a sound to existing ports again and again.

    sound: the samples, float32 (n_frames,).
    folder: a file with the sound is written here; the other process reads it.
    """

    def __init__(self, server: JackServer, sound: np.ndarray, ports: Sequence[str], folder: Path):
        path = folder / "heard.npy"
        np.save(path, np.asarray(sound, np.float32))
        self._command = [sys.executable, "-m", "tests.support.rig_source", server.name, str(path), *ports]
        self._env = server.env

    def __enter__(self) -> Microphone:
        pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._env, **pipes)
        first = self._process.stderr.readline()
        if first != b"ready\n":
            raise AssertionError((first + self._process.communicate()[1]).decode())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def main() -> None:
    server, path, *ports = sys.argv[1:]
    sound = np.load(path)
    client = jack.Client("microphone", servername=server, no_start_server=True)
    out = client.outports.register("out")
    at = 0

    @client.set_process_callback
    def process(n_frames: int) -> None:
        nonlocal at
        target, done = out.get_array(), 0
        while done < n_frames:
            n = min(n_frames - done, len(sound) - at)
            target[done : done + n] = sound[at : at + n]
            done, at = done + n, (at + n) % len(sound)

    client.activate()
    prepare_process()
    for port in ports:
        client.connect(out, port)
    print("ready", file=sys.stderr, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
