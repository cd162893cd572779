"""Tests the service on an emulated PC with USB sound and a USB keyboard: python -m tests.soak.machine [--folder DIR]
[--out F.md].

It needs root, 5 GB in DIR, 2 GB of memory, a network for the first run, and: apt-get install debootstrap
systemd-container qemu-system-x86 qemu-utils e2fsprogs zstd. It takes an hour or more. Times in the table are the PC's
own: its time goes slower than ours. Each line of the table is a step that succeeded.
"""

from __future__ import annotations

import argparse
import json
import queue
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tests.soak.nspawn import Material
from tests.support.machine.disk import Machinery, debian_with_kernel, install, make_disk
from tests.support.machine.plugs import LOUD, PORT, Ear, Keyboard
from tests.support.machine.qemu import Machine

Answer = queue.Queue[dict[str, Any]]
EVENTS = {"k": "keyboard out", "K": "keyboard in", "c": "card out", "C": "card in"}
ORDERS = ("kK", "cC", "kKcC", "kcKC", "kcCK", "cCkK", "ckCK", "ckKC")
PAUSES_S = {"at once": 0.0, "1.5 s between": 1.5}  # from one event to the next
HELD, STRUCK = 57, 64
PATIENCE_S = 60.0  # of the PC's time
KEYBOARD_S, CARD_S = 0.3, 3.0  # longest time from when the kernel has the device until a key is heard
SETTINGS_TEXT = "volume_db: -3.0\naudio: {chime: false}\n"  # the chime could be taken for a key's note


class Rig:
    def __init__(self, machine: Machine):
        self._machine, self._ear = machine, Ear(machine.sound)
        self._keys = Keyboard(machine)
        self._do = {"k": self._keys.unplug, "K": self._keys.plug, "c": machine.unplug_card, "C": machine.plug_card}

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "boots", self.ready
        yield "the keyboard is plugged in for the first time", self.first_keyboard
        for name, pause_s in PAUSES_S.items():
            for order in ORDERS:
                events = ", ".join(EVENTS[letter] for letter in order)
                yield f"{events}; {name}", lambda order=order, pause_s=pause_s: self.replug(order, pause_s)
        yield "after all of this", self.restarts

    def ready(self) -> str:
        self._machine.wait_for_ready()
        seconds = float(self._machine.run("cat", "/proc/uptime")[1].split()[0])
        return f"READY, at most {seconds:.0f} s after the kernel's start; audio: {self._machine.ask('health')['audio']}"

    def first_keyboard(self) -> str:
        returned = self._machine.begin_return("keyboard", PORT)
        self._machine.rest(0.5)
        self._keys.plug()
        told = self._keyboard_plays(returned)
        self._machine.ask("move", target="latent.1", position=0.8)  # this is not the knob's default position
        return f"{told}; {self._is_heard()}; {self._ends()}"

    def replug(self, order: str, pause_s: float) -> str:
        """Hold a key, pull and plug in this order, and measure each return."""
        before = self._stands()
        self._keys.play(0x90, HELD, 100)
        self._wait(lambda: self._machine.ask("health")["voices"] > 0, "held note")
        begin = self._machine.begin_return
        keyboard = begin("keyboard", PORT) if "k" in order else None
        card = begin("card") if "c" in order else None
        self._machine.rest(0.5)  # by then, keyboard and card wait for their returns
        for letter in order:
            self._do[letter]()
            self._machine.rest(pause_s)
        told = [self._keyboard_plays(keyboard)] if keyboard else []
        told += [self._card_plays(card)] if card else []
        if "k" not in order:
            self._keys.play(0x80, HELD, 0)
        told += [self._is_heard(), self._ends()]
        assert self._stands() == before, f"before: {before}; after: {self._stands()}"
        return "; ".join(told)

    def restarts(self) -> str:
        properties = self._machine.service()
        assert properties["NRestarts"] == "0", self._machine.journal(200)
        return f"the service was never restarted; it says: {properties['StatusText']}"

    def _stands(self) -> dict[str, object]:
        """The instrument, the sound, the knobs, the volume, and the process that plays."""
        state = self._machine.ask("state")
        del state["ports"]
        return state

    def _keyboard_plays(self, returned: Answer) -> str:
        times = self._times(returned)
        after_s = times["played_s"] - times["there_s"]
        assert after_s <= KEYBOARD_S, times
        return f"keyboard: {1000 * after_s:.0f} ms"

    def _card_plays(self, returned: Answer) -> str:
        times = self._times(returned)
        after_s = times["began_s"] - times["there_s"] + self._ear.silent_s()
        assert after_s <= CARD_S, (times, self._ear.silent_s())
        return f"sound: {after_s:.2f} s"

    def _times(self, returned: Answer) -> dict[str, float]:
        answer = returned.get(timeout=3600)
        assert answer["status"] == 0, (answer, self._machine.journal(30))
        return json.loads(answer["text"])

    def _is_heard(self) -> str:
        self._wait_for_silence()
        self._keys.play(0x90, STRUCK, 100)
        self._wait(lambda: self._ear.listen() > LOUD, "note")
        self._keys.play(0x80, STRUCK, 0)
        return "heard"

    def _ends(self) -> str:
        self._wait_for_silence()
        return "no note hangs"

    def _wait_for_silence(self) -> None:
        self._wait(lambda: self._machine.ask("health")["voices"] == 0, "end of all notes")
        self._ear.listen()
        self._machine.rest(0.1)
        self._wait(lambda: self._ear.listen() < LOUD, "silence")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        began_s = self._machine.now_s()
        while not condition():
            self._machine.rest(0.1)  # without a rest the questions would be all that the PC does
            assert self._machine.now_s() - began_s < PATIENCE_S, f"no {what}: {self._machine.journal(20)}"


def prepare(folder: Path) -> Machinery:
    material = Material(folder / "material")
    root = folder / "installed"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", debian_with_kernel(folder), root], check=True)
    install(root, material.folder, material.deb.name, {"/etc/timbrebox/instrument.yaml": SETTINGS_TEXT})
    return make_disk(root, folder / "machine.img")


def main() -> None:
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
