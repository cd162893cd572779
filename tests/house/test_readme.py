"""Every command of the README works in a fresh folder, in the README's order."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from runtime.acoustics.pitch import note_to_hz
from tests.support.places import ROOT

pytestmark = pytest.mark.workshop

README = (ROOT / "README.md").read_text()

# For the beginnings of README commands, options with which the command takes only seconds.
SHORTENED = {
    "./timbrebox corpus amsynth": "--patches few.csv",
    "./timbrebox make": "--minutes 0.2",
    "./timbrebox train": "--epochs 1",
    "./timbrebox evaluate": "--points 20 --mesh 3",
    "./timbrebox export": "--points 20",
    "./timbrebox reproduce": "--only vae --epochs 1",
    "./timbrebox test": "-n 0 tests/house/test_requirements.py",
}


def commands_of(text: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def player_section() -> str:
    """The section whose commands need a running `play`.

    These commands are tested by tests/runtime/live/test_readme_player.py.
    """
    return re.search(r"^## From plugging in.*?(?=^## )", README, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the project's folders, a few patches, and recordings."""
    folder = tmp_path_factory.mktemp("stranger")
    for name in ("timbrebox", "configs", "runtime", "tests"):
        (folder / name).symlink_to(ROOT / name)
    patches = (ROOT / "configs" / "amsynth100.csv").read_text().splitlines()
    few = [patches[0], *(next(p for p in patches if p.endswith(split)) for split in ("train", "val", "test"))]
    (folder / "few.csv").write_text("\n".join(few) + "\n")
    sounds = folder / "my-sounds"
    sounds.mkdir()
    time_s = np.arange(22050) / 44100
    for note, name in [(72, "flute.wav"), *((note, f"my-sounds/note {note}.wav") for note in range(60, 66))]:
        sound = sum(np.sin(2 * np.pi * k * note_to_hz(note) * time_s) / k for k in range(1, 9))
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, 44100, 0, "NONE", ""))
            file.writeframes((8000 * sound).astype("<i2").tobytes())
    return folder


def run(folder: Path, line: str) -> tuple[int, str]:
    """Run one line; returns its exit status and output. `play` is stopped when it is ready."""
    words = shlex.split(line)
    if words[0] == "sudo":
        words = words[1:]
    if words[1:2] == ["service"] and os.geteuid() == 0:
        # Run without root's rights, because the test must not change this machine.
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
    for start, more in SHORTENED.items():
        if line.startswith(start):
            words += shlex.split(more)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with subprocess.Popen(
        words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        output = ""
        for text in process.stdout:
            output += text
            if words[1] == "play" and text.startswith("READY"):
                process.send_signal(signal.SIGTERM)
        return process.wait(), output


def test_every_command_works_as_it_stands(folder: Path) -> None:
    commands = commands_of(README.replace(player_section(), ""))
    assert commands[:2] == ["./timbrebox play --demo", "./timbrebox play"]
    for line in commands:
        status, output = run(folder, line)
        if " service " in line:
            assert status in (0, 2), f"{line}\n{output}"
            assert output.count("\n") == 1, f"{line}\n{output}"
        else:
            assert status == 0, f"{line}\n{output}"
    instruments = [f"instruments/{name}.onnx" for name in ("my-sounds", "the-long-way", "virtual-analogue")]
    for made in ("demo.wav", "bach.wav", "bright.wav", *instruments):
        assert (folder / made).stat().st_size > 100_000, made
