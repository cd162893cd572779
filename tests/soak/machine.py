"""Tests the service on an emulated PC with USB sound and a USB keyboard: python -m tests.soak.machine [--folder DIR]
[--out F.md].

It needs root, 5 GB in DIR, 2 GB of memory, a network for the first run, and: apt-get install debootstrap
systemd-container qemu-system-x86 qemu-utils e2fsprogs zstd. The PC runs Debian 13 with Debian's kernel. Its time goes
slower than ours, so this takes an hour or more; all times in the table are the PC's own. Each line of the table is a
step that succeeded; the first step that fails ends the run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from tests.soak.nspawn import Material
from tests.support.machine.disk import Machinery, debian_with_kernel, install, make_disk
from tests.support.machine.plugs import LOUD, Ear, Keyboard
from tests.support.machine.qemu import Machine

EVENTS = {"k": "keyboard out", "K": "keyboard in", "c": "card out", "C": "card in"}
ORDERS = ("kK", "cC", "kKcC", "kcKC", "kcCK", "cCkK", "ckCK", "ckKC")
HELD, STRUCK = 57, 64
PATIENCE_S = 60.0  # of the PC's time
SETTINGS_TEXT = "volume_db: -3.0\n"


class Rig:
    """The steps of the test; the machine must have booted."""

    def __init__(self, machine: Machine):
        self._machine, self._ear = machine, Ear(machine.sound)
        self._keys = Keyboard(machine)

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Each step's name and the function that does the step and returns a text on the result."""
        yield "boots", self.ready
        yield "the keyboard is plugged in for the first time", self.first_keyboard
        for order in ORDERS:
            events = ", ".join(EVENTS[letter] for letter in order)
            yield f"a key is held; {events}", lambda order=order: self.replug(order)
        yield "after all of this", self.restarts

    def ready(self) -> str:
        self._machine.wait_for_ready(1800)
        seconds = float(self._machine.run("cat", "/proc/uptime")[1].split()[0])
        return f"READY, at most {seconds:.0f} s after the kernel's start; audio: {self._machine.ask('health')['audio']}"

    def first_keyboard(self) -> str:
        self._keys.plug()
        return f"heard {self._heard():.1f} s later; {self._ends()}"

    def replug(self, order: str) -> str:
        self._keys.play(0x90, HELD, 100)
        self._wait(lambda: self._machine.ask("health")["voices"] > 0, "held note")
        for letter in order:
            {"k": self._keys.unplug, "K": self._keys.plug,
             "c": self._machine.unplug_card, "C": self._machine.plug_card}[letter]()  # fmt: skip
        heard_s = self._heard()
        if "k" not in order:
            self._keys.play(0x80, HELD, 0)
        return f"heard {heard_s:.1f} s after the last return; {self._ends()}"

    def restarts(self) -> str:
        properties = self._machine.service()
        return f"the service was restarted {properties['NRestarts']} times; it says: {properties['StatusText']}"

    def _heard(self) -> float:
        """Strike a key until it is heard; returns the seconds of the PC's time that this took."""
        began_s, heard = self._machine.now_s(), 0.0
        self._ear.listen()
        while heard < LOUD:
            self._keys.play(0x90, STRUCK, 100)
            heard = self._ear.listen()
            now_s = self._machine.now_s()
            assert now_s - began_s < PATIENCE_S, f"not heard: {self._machine.journal(20)}"
            self._keys.play(0x80, STRUCK, 0)
        return now_s - began_s

    def _ends(self) -> str:
        """Wait until no voice is left and the card plays silence, and say so."""
        self._wait(lambda: self._machine.ask("health")["voices"] == 0, "end of all notes")
        self._ear.listen()
        self._wait(lambda: self._ear.listen() < LOUD, "silence")
        return "no note hangs"

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        began_s = self._machine.now_s()
        while not condition():
            assert self._machine.now_s() - began_s < PATIENCE_S, f"no {what}: {self._machine.journal(20)}"


def prepare(folder: Path) -> Machinery:
    """Make the disk of a machine in which the package is installed."""
    material = Material(folder / "material")
    root = folder / "installed"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", debian_with_kernel(folder), root], check=True)
    install(root, material.folder, material.deb.name, {"/etc/timbrebox/instrument.yaml": SETTINGS_TEXT})
    return make_disk(root, folder / "machine.img")


def main() -> None:
    """Boot, run all steps, and write the table."""
    parser = argparse.ArgumentParser("python -m tests.soak.machine", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/timbrebox-machine"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    machine = Machine(prepare(arguments.folder), arguments.folder / "run")
    rows = [f"Run on {date.today():%d %B %Y}.\n", "| step | seen |", "|---|---|"]
    began_s = time.monotonic()
    machine.start(within_s=3600)
    try:
        for name, step in Rig(machine).steps():
            rows.append(f"| {name} | {step()} |")
            print(f"{time.monotonic() - began_s:.0f} s: {rows[-1]}", flush=True)
    finally:
        machine.pull_plug()
        if arguments.out:
            arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
