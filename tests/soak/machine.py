"""Tests the service on an emulated machine with USB sound and a USB keyboard: python -m tests.soak.machine
[--arch amd64|arm64] [--folder DIR] [--out F.md].

amd64 is a PC, arm64 a machine with the processor of a Raspberry Pi 4. The test needs root, 5 GB in DIR, 2 GB of memory,
a network for the first run, and: apt-get install debootstrap qemu-system-x86 qemu-utils e2fsprogs zstd; for arm64 also
qemu-system-arm qemu-user-static. It takes an hour or more. It writes a table to F.md, with a line for each step. If a
step fails, its line says so, and the table ends. Times in the table are by the emulated machine's clock, which goes
slower than ours.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from tests.soak.nspawn import Material
from tests.support.machine.architectures import AMD64, ARCHITECTURES, Architecture
from tests.support.machine.disk import Machinery, bring, debian_with_kernel, make_disk
from tests.support.machine.music import Music
from tests.support.machine.plugs import LOUD, PORT, Ear, Keyboard
from tests.support.machine.qemu import Answer, Machine
from tests.support.places import ROOT

Steps = Iterator[tuple[str, Callable[[], str]]]
EVENTS = {"k": "keyboard out", "K": "keyboard in", "c": "card out", "C": "card in"}
ORDERS = ("kK", "cC", "kKcC", "kcKC", "kcCK", "cCkK", "ckCK", "ckKC")
PAUSES_S = {"at once": 0.0, "1.5 s between": 1.5}  # from one event to the next
HELD, STRUCK = 57, 64
PATIENCE_S = 60.0  # by the emulated machine's clock
KEYBOARD_S, CARD_S = 0.3, 3.0  # longest allowed time from when the kernel has the device until a key plays
SETTINGS = "instrument.yaml"
SETTINGS_TEXT = "volume_db: -3.0\naudio: {chime: false}\n"  # the chime could be taken for a key's note
_HOST_PATIENCE_S = 3600.0  # by our clock; the emulated machine's computations take long


class Owner:
    """Installs the package, as the machine's owner would, and tells the versions of the system and the program."""

    def __init__(self, machine: Machine, deb: str):
        self._machine, self._deb = machine, deb

    def steps(self) -> Steps:
        yield "boots", self.what_it_is
        yield "`dpkg -i` on a fresh system", self.install
        yield "switched off and on", self.switch_off_and_on
        yield "what it runs", self.what_it_runs

    def what_it_is(self) -> str:
        processors = self._run("cat", "/proc/cpuinfo").replace("\t", "")
        architecture = self._machine.made.architecture
        assert architecture.processor in processors, processors
        kernel = self._run("uname", "-rm").strip()
        return f"Debian {self._run('cat', '/etc/debian_version').strip()}, kernel {kernel}; {architecture.processor}"

    def install(self) -> str:
        began_s = self._machine.now_s()
        self._run("dpkg", "-i", f"/material/{self._deb}")
        took_s = self._machine.now_s() - began_s
        self._run("cp", f"/material/{SETTINGS}", f"/etc/timbrebox/{SETTINGS}")
        self._run("systemctl", "restart", "timbrebox")
        self._machine.wait_for_ready()
        return f"READY, {took_s:.0f} s for all; the owner's settings; restart by systemctl"

    def switch_off_and_on(self) -> str:
        self._machine.stop()
        self._machine.start(within_s=_HOST_PATIENCE_S)
        self._machine.wait_for_ready()
        seconds = float(self._run("cat", "/proc/uptime").split()[0])
        return f"READY, at most {seconds:.0f} s after the kernel's start; audio: {self._machine.ask('health')['audio']}"

    def what_it_runs(self) -> str:
        says = "import onnxruntime as o, platform as p; print(p.machine(), p.python_version(), o.__version__)"
        words = ["env", "ORT_DISABLE_TELEMETRY=1", "/opt/timbrebox/current/.venv/bin/python", "-c", says]
        machine, python, onnxruntime = self._run(*words).split()
        assert f"onnxruntime=={onnxruntime}\n" in (ROOT / "runtime" / "requirements.txt").read_text()
        return f"{machine}, Python {python}, onnxruntime {onnxruntime}"

    def _run(self, *command: object) -> str:
        status, said = self._machine.run(*command, timeout_s=_HOST_PATIENCE_S)
        assert status == 0, (command, said)
        return said


class Rig:
    def __init__(self, machine: Machine):
        self._machine, self._ear = machine, Ear(machine.sound)
        self._keys = Keyboard(machine)
        self._do = {"k": self._keys.unplug, "K": self._keys.plug, "c": machine.unplug_card, "C": machine.plug_card}

    def steps(self) -> Steps:
        yield "the keyboard is plugged in for the first time", self.first_keyboard
        for name, pause_s in PAUSES_S.items():
            for order in ORDERS:
                events = ", ".join(EVENTS[letter] for letter in order)
                yield f"{events}; {name}", lambda order=order, pause_s=pause_s: self.replug(order, pause_s)
        yield "after all of this", self.restarts
        yield "kill -9", self.kill

    def first_keyboard(self) -> str:
        returned = self._machine.begin_return("keyboard", PORT)
        self._machine.rest(0.5)
        self._keys.plug()
        told = self._keyboard_plays(returned)
        self._machine.ask("move", target="latent.1", position=0.8)  # this is not the knob's default position
        return f"{told}; {self._is_heard()}; {self._ends()}"

    def replug(self, order: str, pause_s: float) -> str:
        """Hold a key, unplug and replug devices in this order (letters of EVENTS), and measure each return."""
        before = self._stands()
        self._keys.play(0x90, HELD, 100)
        self._wait(lambda: self._machine.ask("health")["voices"] > 0, "voice for the held key")
        begin = self._machine.begin_return
        keyboard = begin("keyboard", PORT) if "k" in order else None
        card = begin("card") if "c" in order else None
        self._machine.rest(0.5)  # then the measurements inside the machine have begun to wait for the returns
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

    def kill(self) -> str:
        before, old = self._remembered(), self._machine.service()["InvocationID"]
        self._machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "timbrebox")
        began_s = self._machine.now_s()
        self._wait(lambda: self._machine.service()["InvocationID"] not in ("", old), "restart by systemd")
        self._machine.wait_for_ready()
        took_s = self._machine.now_s() - began_s
        told = f"READY again after {took_s:.1f} s; {self._is_heard()}; {self._ends()}"
        after = self._remembered()
        assert after == before, f"before: {before}; after: {after}"
        return f"{told}; knobs, volume and sound are as they were"

    def _remembered(self) -> dict[str, object]:
        """What the program remembers when its process is replaced: all of `_stands` but the process."""
        return {name: value for name, value in self._stands().items() if name != "process"}

    def _stands(self) -> dict[str, object]:
        """The instrument, the sound, the knobs, the volume, and the process that plays."""
        state = self._machine.ask("state")
        del state["ports"]
        return state

    def _keyboard_plays(self, returned: Answer) -> str:
        times = self._times(returned, "keyboard")
        after_s = times["played_s"] - times["there_s"]
        assert after_s <= KEYBOARD_S, times
        return f"keyboard: {1000 * after_s:.0f} ms"

    def _card_plays(self, returned: Answer) -> str:
        times = self._times(returned, "card")
        after_s = times["began_s"] - times["there_s"] + self._ear.silent_s()
        assert after_s <= CARD_S, (times, self._ear.silent_s())
        return f"sound: {after_s:.2f} s"

    def _times(self, returned: Answer, what: str) -> dict[str, float]:
        answer = returned.get(_HOST_PATIENCE_S)
        assert answer["status"] == 0, f"return of the {what}: {answer['text']}; {self._explanation()}"
        return json.loads(answer["text"])

    def _is_heard(self) -> str:
        self._wait_for_silence("before a key is struck")
        self._keys.play(0x90, STRUCK, 100)
        self._wait(lambda: self._ear.listen() > LOUD, "sound of the struck key")
        self._keys.play(0x80, STRUCK, 0)
        return "heard"

    def _ends(self) -> str:
        self._wait_for_silence("after the struck key")
        return "no note hangs"

    def _wait_for_silence(self, when: str) -> None:
        self._wait(lambda: self._machine.ask("health")["voices"] == 0, f"end of all voices {when}")
        self._ear.listen()
        self._machine.rest(0.1)
        self._wait(lambda: self._ear.listen() < LOUD, f"silence of the sound card {when}")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        began_s = self._machine.now_s()
        try:
            while not condition():
                self._machine.rest(0.1)  # without rests, the machine would do nothing but answer
                assert self._machine.now_s() - began_s < PATIENCE_S, f"waited {PATIENCE_S:.0f} s"
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"no {what}: {error}; {self._explanation()}") from error

    def _explanation(self) -> str:
        """What may explain a failure: what is heard, and what the service and the kernel say."""
        told = [f"heard: {self._ear.listen():.4f}"]
        look = {"health": lambda: self._machine.ask("health"), "ports": lambda: self._machine.ask("state")["ports"],
                "service": self._machine.service, "journal": lambda: self._machine.journal(40),
                "cards": lambda: self._machine.run("cat", "/proc/asound/cards")[1]}  # fmt: skip
        for name, ask in look.items():
            try:
                told.append(f"{name}: {ask()}")
            except (AssertionError, TimeoutError) as error:
                told.append(f"{name}: not known, {error}")
        return "; ".join(told)


def prepare(folder: Path, architecture: Architecture, music: Music) -> tuple[Machinery, Material]:
    material = Material(folder / "material", architecture.name)
    (material.folder / SETTINGS).write_text(SETTINGS_TEXT)
    music.bring(material.folder)
    root = folder / "fresh"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", debian_with_kernel(folder, architecture), root], check=True)
    bring(root, material.folder)
    return make_disk(root, folder / "machine.img", architecture), material


def all_steps(machine: Machine, deb: str, music: Music) -> Steps:
    yield from Owner(machine, deb).steps()
    yield from Rig(machine).steps()
    yield from music.steps(machine)


def add_row(rows: list[str], name: str, step: Callable[[], str]) -> None:
    """Do a step, and add its row to the table. If the step fails, the row says why, and the error is raised again."""
    try:
        rows.append(f"| {name} | {step()} |")
    except BaseException as error:
        why = " ".join(str(error).split("\n")[0].split("|"))
        rows.append(f"| {name} | **failed**: {type(error).__name__}: {why} |")
        raise


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.soak.machine", description=__doc__)
    parser.add_argument("--arch", choices=tuple(ARCHITECTURES), default=AMD64.name)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/timbrebox-machine"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    architecture, music = ARCHITECTURES[arguments.arch], Music(arguments.folder / "music")
    made, material = prepare(arguments.folder, architecture, music)
    size = f"{material.deb.stat().st_size / 1e6:.1f} MB, installed {material.installed_mb:.0f} MB"
    rows = [f"Run on {date.today():%d %B %Y}; {architecture.machine}; package for {architecture.name}: {size}.\n",
            "| step | seen |", "|---|---|"]  # fmt: skip
    machine = Machine(made, arguments.folder / "run")
    began_s = time.monotonic()
    machine.start(within_s=_HOST_PATIENCE_S)
    try:
        for name, step in all_steps(machine, material.deb.name, music):
            add_row(rows, name, step)
            print(f"{time.monotonic() - began_s:.0f} s: {rows[-1]}", flush=True)
    finally:
        machine.pull_plug()
        if arguments.out:
            arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
