"""An emulated machine, run by QEMU in software. Its clock moves on by a nanosecond with each instruction.

The machine's sound card follows this clock, too. When the machine is idle, the clock jumps to the next timer. So the
clock may be slower or faster than the host's. Tests measure times inside the machine, by the machine's clock. KVM is
not used, because measurements would then depend on the host's other work.
"""

from __future__ import annotations

import itertools
import json
import queue
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.booted import Booted
from tests.support.machine.disk import Machinery

_MEMORY_MB = 1024
_BOOT_PATIENCE_S = 3600.0
_PATIENCE_S = 600.0  # longest wait for an answer, on the host's clock: the host may emulate slowly
RATE_HZ = 48000  # of QEMU's USB sound card
_CARD = {"driver": "usb-audio", "id": "card", "audiodev": "ear", "bus": "usb.0", "port": "1"}


class Machine(Booted):
    """A machine with a USB sound card, one core, and no network.

    folder: for sockets, the console's text, and `sound.wav`: what the sound card has played since it was plugged in.
    log: a file that records the writes to the disk; the disk itself then stays unchanged.
    """

    ready_within_s = 120.0

    def __init__(self, made: Machinery, folder: Path, log: Path | None = None):
        self.made, self.folder, self.log = made, folder, log
        self.sound = folder / "sound.wav"
        folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Lines
        self._agent: Lines

    def start(self, *, card: bool = True, within_s: float = 240.0) -> float:
        """Boot, and wait until the agent answers; returns the seconds waited.

        card: whether the sound card is plugged in.
        """
        began_s = time.monotonic()
        self.sound.unlink(missing_ok=True)
        with open(self.folder / "console.log", "ab") as console:
            self._process = subprocess.Popen(self._command(card), stdin=subprocess.DEVNULL, stdout=console,
                                             stderr=console)  # fmt: skip
        self._qmp = Lines(self._connect("qmp"), "return", "error")
        self.qmp("qmp_capabilities")
        self._agent = Lines(self._connect("agent"), "status")
        self.run("true", timeout_s=within_s)
        return time.monotonic() - began_s

    def pull_plug(self) -> None:
        self._process.kill()
        self._process.wait(30)
        self._agent.close()
        self._qmp.close()

    def stop(self) -> None:
        with suppress(EndedError):  # the machine may be off before it answers
            self.run("systemctl", "poweroff", "--no-block")
        self._process.wait(_PATIENCE_S)
        self._agent.close()
        self._qmp.close()

    def wait_for_ready(self, within_s: float | None = None) -> float:
        """Wait until the service is READY, with a command that runs inside the machine.

        Returns the seconds waited, by the machine's clock.
        """
        began_s, limit_s = self.now_s(), self.ready_within_s if within_s is None else within_s
        look = "until systemctl is-active --quiet timbrebox; do sleep 1; done"
        status, _ = self.run("timeout", limit_s, "sh", "-c", look, timeout_s=_BOOT_PATIENCE_S)
        assert status == 0, f"not READY within {limit_s:g} s: {self.journal(20)}"
        return self.now_s() - began_s

    def qmp(self, command: str, **arguments: object) -> Any:
        answer = self._qmp.ask({"execute": command, "arguments": arguments}, _PATIENCE_S)
        if "error" in answer:
            raise RuntimeError(answer["error"]["desc"])
        return answer["return"]

    def plug_card(self) -> None:
        self.qmp("device_add", **_CARD)

    def unplug_card(self) -> None:
        """Unplug the sound card; returns when it is gone."""
        self.qmp("device_del", id="card")
        self.wait(lambda: "card" not in {entry["name"] for entry in self.qmp("qom-list", path="/machine/peripheral")},
                  "the card's end", _PATIENCE_S)  # fmt: skip

    def begin(self, *command: object) -> Answer:
        """Start a command inside the machine, as root; the answer has the command's exit status and its output."""
        return self._agent.send({"words": [str(word) for word in command]})

    def run(self, *command: object, timeout_s: float = _PATIENCE_S) -> tuple[int, str]:
        answer = self.begin(*command).get(timeout_s)
        return answer["status"], answer["text"]

    def begin_return(self, of: str, *path: str) -> Answer:
        """Let returned.py, inside the machine, measure when a device that returns plays again.

        of: the device, `keyboard` or `card`.
        path: a MIDI port; the keyboard sends what is written to this port. Left out for a card.
        """
        return self._agent.send({"returns": of} | dict(zip(["path"], path, strict=False)))

    def rest(self, seconds: float, within_s: float = _PATIENCE_S) -> None:
        """Wait for some seconds by the machine's clock; TimeoutError after `within_s` by the host's clock."""
        self._agent.ask({"rest_s": seconds}, within_s)

    def now_s(self) -> float:
        """The time by the machine's clock, which may be slower or faster than the host's."""
        return self._agent.ask({"path": "/dev/null", "data": ""}, _PATIENCE_S)["now_s"]

    def write(self, path: str, content: bytes) -> bool:
        return self._agent.ask({"path": path, "data": content.hex()}, _PATIENCE_S)["status"] == 0

    def ask(self, method: str, **params: object) -> Any:
        answer = self._agent.ask({"ask": json.dumps({"method": method, "params": params, "id": 1})}, _PATIENCE_S)
        assert answer["status"] == 0, answer
        told = json.loads(answer["text"])
        assert "error" not in told, told
        return told["result"]

    def _command(self, card: bool) -> list[str]:
        architecture = self.made.architecture
        kernel = ["-kernel", self.made.kernel, "-initrd", self.made.initrd, "-append",
                  architecture.kernel_says]  # fmt: skip
        plugs = ["-device", "qemu-xhci,id=usb", "-audiodev", f"wav,id=ear,path={self.sound},out.frequency={RATE_HZ}"]
        if card:
            plugs += ["-device", ",".join(f"{name}={value}" for name, value in _CARD.items())]
        talk = []
        for name in ("qmp", "agent"):
            path = self.folder / name
            path.unlink(missing_ok=True)
            talk += ["-chardev", f"socket,id={name},path={path},server=on,wait=off"]
        talk += ["-mon", "chardev=qmp,mode=control", "-device", "virtio-serial-pci", "-device",
                 "virtserialport,chardev=agent,name=timbrebox.rig"]  # fmt: skip
        words = [*architecture.emulator, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                 "-accel", "tcg", "-icount", "shift=0,align=off,sleep=off", "-smp", 1,
                 "-m", _MEMORY_MB, "-serial", "stdio", *kernel, *plugs, *talk, *self._disk()]  # fmt: skip
        return [str(word) for word in words]

    def _disk(self) -> list[str]:
        device = "virtio-blk-pci,drive=disk"
        if self.log is None:
            return ["-blockdev", f"driver=file,filename={self.made.disk},node-name=file,cache.no-flush=on",
                    "-blockdev", "driver=raw,file=file,node-name=disk", "-device", device]  # fmt: skip
        top = self.folder / "writes.qcow2"
        top.unlink(missing_ok=True)
        make = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.made.disk, "-F", "raw", top]
        subprocess.run(make, check=True)
        self.log.write_bytes(b"")
        return ["-blockdev", f"driver=file,filename={top},node-name=top,cache.no-flush=on",
                "-blockdev", "driver=qcow2,file=top,node-name=changes",
                "-blockdev", f"driver=file,filename={self.log},node-name=log,cache.no-flush=on",
                "-blockdev", "driver=blklogwrites,file=changes,log=log,node-name=disk", "-device", device]  # fmt: skip

    def _connect(self, name: str) -> socket.socket:
        until_s = time.monotonic() + 20
        while True:
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(str(self.folder / name))
            except OSError:
                link.close()
                assert self._process.poll() is None, f"QEMU ended: see {self.folder / 'console.log'}"
                assert time.monotonic() < until_s, f"QEMU opens no socket {name}"
                time.sleep(0.05)
            else:
                return link


class EndedError(ConnectionError):
    """The machine has ended, so that no answer will come."""


class Answer:
    """The answer to a request; it may be still to come."""

    def __init__(self, request: dict[str, Any]):
        self._request, self._box = request, queue.Queue()

    def put(self, message: dict[str, Any] | None) -> None:
        """Store the answer, or None if the machine has ended."""
        self._box.put(message)

    @property
    def is_there(self) -> bool:
        return not self._box.empty()

    def get(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the answer, and return it.

        EndedError if none will come, TimeoutError after `timeout_s` by the host's clock. Both errors name the request.
        """
        try:
            message = self._box.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"the machine gave no answer within {timeout_s:.0f} s to {self._request}") from None
        if message is None:
            raise EndedError(f"the machine ended before it answered {self._request}")
        return message


class Lines:
    """Sends numbered JSON requests, one a line, and receives their answers.

    answers: keys; a received object is an answer if it has one of them.
    """

    def __init__(self, link: socket.socket, *answers: str):
        self._link, self._answers = link, answers
        self._numbers, self._waiting, self._has_ended = itertools.count(1), {}, False
        self._sending = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, request: dict[str, Any]) -> Answer:
        number, answer = next(self._numbers), Answer(request)
        self._waiting[number] = answer
        try:
            with self._sending:
                self._link.sendall(json.dumps(request | {"id": number}).encode() + b"\n")
        except OSError:
            self._has_ended = True
        if self._has_ended:
            answer.put(None)
        return answer

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        return self.send(request).get(timeout_s)

    def close(self) -> None:
        self._link.close()

    def _read(self) -> None:
        try:
            for line in self._link.makefile(encoding="utf-8", errors="replace"):
                message = json.loads(line)
                if any(key in message for key in self._answers) and message.get("id") in self._waiting:
                    self._waiting.pop(message["id"]).put(message)
        except (OSError, ValueError):
            pass  # closed, or cut off within a line
        self._has_ended = True
        for answer in list(self._waiting.values()):
            answer.put(None)
