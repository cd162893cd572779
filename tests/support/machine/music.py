"""A short piece that both the emulated machine and this machine render, so that the two sounds can be compared."""

from __future__ import annotations

import base64
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mido import Message, MidiFile, MidiTrack

from tests.support.machine.compared import difference
from tests.support.machine.qemu import Machine
from tests.support.places import DATA, ROOT

PIECE = "piece.mid"
PHASES = ("noise", "coherent")
LEAST_BELOW_DB = 60.0  # a difference that is at least this far below the sound comes from rounding
_PATIENCE_S = 3600.0  # the longest time for one command, by this machine's clock
_LOW, _HIGH, _CHORD = 36, 96, (48, 55, 60, 64)
_TICKS = 480  # ticks in a beat, which lasts 0.5 s
_BESIDE = "tests"  # the folder of play_files, and of the test modules that it imports


def piece() -> MidiFile:
    """Four seconds: a low and a high note, then a chord that is bent, with vibrato."""
    track = MidiTrack()
    for note in (_LOW, _HIGH):
        track += [Message("note_on", note=note, velocity=90), Message("note_off", note=note, time=2 * _TICKS)]
    track += [Message("note_on", note=note, velocity=100) for note in _CHORD]
    track += [Message("pitchwheel", pitch=2000, time=_TICKS), Message("control_change", control=1, value=80)]
    track += [Message("note_off", note=note, time=3 * _TICKS if note == _CHORD[0] else 0) for note in _CHORD]
    return MidiFile(type=0, ticks_per_beat=_TICKS, tracks=[track])


class Music:
    """Renders the piece on both machines, and compares the sounds. folder: for the sound files."""

    def __init__(self, folder: Path):
        self._folder = folder

    def bring(self, material: Path) -> None:
        """Write the piece, and the files of the tests that play it, to a folder that the emulated machine gets."""
        (material / "music").mkdir()
        piece().save(material / "music" / PIECE)
        for path in [DATA / "tiny.onnx", *(ROOT / _BESIDE).rglob("*.py")]:
            beside = material / "checkout" / path.relative_to(ROOT)
            beside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, beside)

    def steps(self, machine: Machine) -> Iterator[tuple[str, Callable[[], str]]]:
        for phase in PHASES:
            yield (f"`render` of a piece of 4 s, phases: {phase}; beside the render of this {platform.machine()}",
                   lambda phase=phase: self._compare(machine, phase))  # fmt: skip
        yield "the same piece in blocks of 4096 frames, and of random sizes", lambda: self._in_any_blocks(machine)

    def _compare(self, machine: Machine, phase: str) -> str:
        machine.run("systemctl", "stop", "timbrebox")  # the service would only slow down the render
        inside = f"/root/{phase}.wav"
        began_s = machine.now_s()
        _call(machine, "timbrebox", "render", f"/material/music/{PIECE}", inside, *_options(phase))
        took_s = machine.now_s() - began_s
        theirs = base64.b64decode(_call(machine, "base64", "--wrap=0", inside))
        self._folder.mkdir(exist_ok=True)
        (self._folder / f"{phase}-machine.wav").write_bytes(theirs)
        apart = difference(self._rendered(phase), theirs)
        assert apart.below_db >= LEAST_BELOW_DB, str(apart)
        return f"{apart}; {took_s:.0f} s"

    def _rendered(self, phase: str) -> bytes:
        """The sound that this machine renders."""
        midi, path = self._folder / PIECE, self._folder / f"{phase}.wav"
        piece().save(midi)
        words = [sys.executable, "-m", "runtime", "render", midi, path, *_options(phase)]
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
        return path.read_bytes()

    def _in_any_blocks(self, machine: Machine) -> str:
        place = ["env", "--chdir=/opt/timbrebox/current", "PYTHONPATH=/material/checkout", "ORT_DISABLE_TELEMETRY=1"]
        words = [*place, ".venv/bin/python", "-m", "tests.soak.play_files", "/material/music", "--json", "/root/played"]
        _call(machine, *words)
        told = json.loads(_call(machine, "cat", "/root/played"))
        assert told["wrong"] == [], told
        return f"{told['folders']['.']['n_notes']} notes; equal to the bit"


def _options(phase: str) -> list[str]:
    return ["--phase", phase, "--seed", "1"]


def _call(machine: Machine, *words: str) -> str:
    status, said = machine.run(*words, timeout_s=_PATIENCE_S)
    assert status == 0, (words, said)
    return said
