"""Tests updates through the page on a real systemd: python -m tests.soak.page_updates [--folder DIR] [--out F.md].

This program needs what nspawn.py needs, and OpenSSH. In nspawn.py's box, it sends updates to the real page over the
page's WebSocket. Each line of the table that it prints is a step that succeeded.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from runtime.panel.listening import DEFAULT_PORT
from runtime.service.places import ARRIVED, PACKAGED, STATE
from tests.soak.nspawn import CRASHES, Material, Rig, fresh_box
from tests.support.updating import make_key, signed_by_hand

UNITS = ("timbrebox-update.path", "timbrebox-update.service")
HOSTILE = {
    "a link": "ln -s /etc/shadow arrived",
    "a pipe": "mkfifo arrived",
    "a folder": "mkdir -p arrived/inside",
    "200 MB": "truncate -s 200M arrived",
    "an empty file": "touch arrived",
}


class Updates(Material):
    """Makes what `Material` makes, and signed updates.

    key: the owner's key.
    other: a stranger's key.
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.key, self.other = make_key(folder / "key"), make_key(folder / "other", "mallory")

    def update(self, version: str, key: Path, first_line: str = "", requirement: str = "") -> Path:
        """Make a signed update; returns its file.

        key: the key that signs the update.
        first_line: as for `Material.package`.
        requirement: a line added to the update's list of Python packages.
        """
        home = self.tree / PACKAGED.relative_to("/")
        changes = {
            "pyproject.toml": lambda text: re.sub(r'(?m)^version = ".*"', f'version = "{version}"', text),
            "runtime/requirements.txt": lambda text: text + requirement,
        }
        before = {name: (home / name).read_text() for name in changes}
        for name, change in changes.items():
            (home / name).write_text(change(before[name]))
        archive = self.archive(version, first_line)
        for name, text in before.items():
            (home / name).write_text(text)
        return signed_by_hand(archive, key, self.folder / f"{version} by {key.name}.update")


class PageRig(Rig):
    _material: Updates
    _n_sent = 0

    def page_steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "`dpkg -i`; the page's service started", self.begin
        yield "no list of signers", self.not_offered
        yield "`service trust KEY.pub`", self.trusts
        yield "a signed update, sent to the page", self.takes
        for name, make, why, words in self.refused_ones():
            yield name, partial(self.refuses, make, why, words)
        yield "put there by the page's user: " + ", ".join(HOSTILE), self.hostile
        yield "the folder itself is a link, so that nothing can be taken away", self.endless
        yield "everything in the box killed at once while an update is installed", self.cut
        yield "a newer one after all that", lambda: self.takes("0.5.0")
        yield "exposure, `systemd-analyze security`", self.exposure
        yield "package purged", self.purge
        yield "from a checkout: `service install`, `uninstall`, `uninstall --purge`", self.checkout

    def refused_ones(self) -> Iterator[tuple[str, Callable[[], Path], str, str]]:
        """Yield a tuple for each update that must be refused.

        The tuple has:
        - the name of the step
        - a function that makes the update
        - the check that refuses the update
        - words from the reason that the page shows
        """
        own, stranger = self._material.key, self._material.other
        yield "the same one again", lambda: self._good, "version", "expected one newer than 0.2.0"
        yield "signed by a stranger", lambda: self._update("0.3.0", stranger), "signature", "nobody whom this machine"
        yield "changed after signing", self._changed, "signature", "not this update's"
        yield "an archive without a signature", lambda: self._material.archive("0.3.4"), "file", "no signature"
        needs_more = partial(self._update, "0.3.1", own, requirement="another==1\n")
        yield "a version that needs other packages", needs_more, "packages", "other Python packages"
        crashes = partial(self._update, "0.3.2", own, first_line=CRASHES)
        yield "a version that crashes at the start", crashes, "start", "the version before, 0.2.0-2, plays again"

    def begin(self) -> str:
        self.first_package()
        self.owner_settles()
        self._run("systemctl", "enable", "--now", "timbrebox-panel")
        self._run("systemd-analyze", "verify", "--recursive-errors=yes", *UNITS)
        return "READY; `systemd-analyze verify` of the new units is clean"

    def not_offered(self) -> str:
        assert self._send() == [None]
        assert self._show("timbrebox-update.path", "ActiveState", "UnitFileState") == ["inactive", "enabled"]
        self._as_page("mkdir -p update; touch update/arrived")
        time.sleep(3)
        assert self._arrived.exists()
        assert self._show(UNITS[1], "ExecMainStartTimestamp") == [""]
        self._as_page("rm update/arrived")
        return "the page takes no updates, the path unit is not active, and a file put there is not looked at"

    def trusts(self) -> str:
        public = self._material.key.with_suffix(".pub")
        self._write(Path("/root/key.pub"), public.read_text())
        said = self._run("timbrebox", "service", "trust", "/root/key.pub")
        assert "The page takes updates that are signed by anna@home (SHA256:" in said, said
        assert self._show("timbrebox-update.path", "ActiveState") == ["active"]
        (state,) = self._send()
        assert (state["state"], state["present"]) == ("", "0.1.0")
        return "the page takes them at once"

    def takes(self, version: str = "0.2.0") -> str:
        self._good, old = self._update(version, self._material.key), self._version()
        page = self._show("timbrebox-panel.service", "InvocationID")
        began_s = time.monotonic()
        states = self._send(self._good)
        took_s = time.monotonic() - began_s
        end = states[-1]
        assert (end["state"], end["signer"], end["version"], end["line"]) == ("done", "anna@home", version, ""), states
        assert self._version().startswith(f"{version}-"), (self._version(), old)
        assert self._show("timbrebox-panel.service", "InvocationID") != page, "the page is the old one"
        (after,) = self._send()
        assert after["present"] == version
        self._nothing_waits()
        seen = ", ".join(dict.fromkeys(state["state"] for state in states))
        return f"{seen}: {took_s:.0f} s from the first byte; the page's process is the new one; {self._nothing_lost()}"

    def refuses(self, make: Callable[[], Path], why: str, words: str) -> str:
        update, old, playing = make(), self._version(), self.box.service()["InvocationID"]
        began_s = time.monotonic()
        end = self._send(update)[-1]
        took_s = time.monotonic() - began_s
        assert (end["state"], end["why"]) == ("refused", why), end
        assert words in end["line"], end
        self._plays(old)
        assert (self.box.service()["InvocationID"] == playing) is (why != "start")
        self._nothing_waits()
        now = "the version before plays" if why == "start" else "the music goes on"
        return f"`{end['line']}`; {took_s:.0f} s, {now}"

    def hostile(self) -> str:
        playing = self.box.service()["InvocationID"]
        for what, command in HOSTILE.items():
            n_starts = self._n_starts()
            self._as_page(f"cd update; {command}")
            self.box.wait(lambda: not os_lexists(self._arrived), f"end of {what}", 20)
            self._until_idle()
            time.sleep(1)
            assert self._n_starts() == n_starts + 1, what
            (state,) = self._send()
            assert (state["state"], state["why"]) == ("refused", "file"), (what, state)
        assert self.box.service()["InvocationID"] == playing
        assert self._show("timbrebox-update.path", "ActiveState") == ["active"]
        self._as_page("rm -rf update/.taken-*")
        return "one start of the unit for each, one line for the page, none is left under its name"

    def endless(self) -> str:
        playing, n_starts = self.box.service()["InvocationID"], self._n_starts()
        self._as_page("mv update elsewhere; touch elsewhere/arrived; ln -s elsewhere update")
        self.box.wait(lambda: self._show("timbrebox-update.path", "ActiveState") == ["failed"], "end of the loop", 400)
        n_starts = self._n_starts() - n_starts
        assert n_starts <= 40  # systemd allows 20 starts in 10 minutes; during the wait, the next 10 can begin
        assert self.box.service()["InvocationID"] == playing
        (state,) = self._send()
        assert state["state"] == "stuck", state
        self._as_page("rm update; mv elsewhere update; rm update/arrived")
        self._run("systemctl", "reset-failed", UNITS[1])
        self._run("systemctl", "restart", UNITS[0])
        return f"after {n_starts} more starts systemd ends the loop, the music goes on, and the page says what to type"

    def cut(self) -> str:
        update, old = self._update("0.4.0", self._material.key), self._version()
        sender = subprocess.Popen(self._sender(update), stdout=subprocess.PIPE, text=True)
        for line in sender.stdout:
            if '"installing"' in line:
                break
        time.sleep(2)
        self.box.pull_plug()
        sender.kill()
        self.box.start()
        self.box.wait_for_ready()
        self._until_idle()
        assert not os_lexists(self._arrived), "it would be installed again; the copies go with the next update"
        plays = self._version()
        assert plays == old or plays.startswith("0.4.0"), plays
        return f"it boots and plays {plays.split('-')[0]}; {self._nothing_lost()}"

    def exposure(self) -> str:
        rated = []
        for unit in ("timbrebox.service", "timbrebox-panel.service", "timbrebox-update.service"):
            said = self._run("systemd-analyze", "security", "--no-pager", unit)
            rated.append(f"{unit} {re.search(r'exposure level.*: ([0-9.]+)', said)[1]}")
        return ", ".join(rated)

    def _update(self, version: str, key: Path, **changes: str) -> Path:
        return self._material.update(version, key, **changes)

    def _changed(self) -> Path:
        content = bytearray(self._update("0.3.3", self._material.key).read_bytes())
        content[len(content) // 2] ^= 1
        path = self._material.folder / "changed.update"
        path.write_bytes(content)
        return path

    @property
    def _arrived(self) -> Path:
        return self.box.root / STATE.relative_to("/") / ARRIVED

    def _sender(self, update: Path | None) -> list[str]:
        command = [sys.executable, "-m", "tests.support.update_page", DEFAULT_PORT]
        return self.box.reaching(*command, *([] if update is None else [update]))

    def _send(self, update: Path | None = None) -> list[dict[str, Any] | None]:
        """Send an update to the page; returns every state of the update that the page has reported.

        update: the update's file; None to send nothing and to get only the present state. A state is None if the page
            takes no updates.

        The page takes only 5 updates one right after the other, so its service is restarted before the first of every
        5 updates.
        """
        if update is not None and self._n_sent % 5 == 0:
            self._run("systemctl", "restart", "timbrebox-panel")
        self._n_sent += update is not None
        done = subprocess.run(self._sender(update), capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _as_page(self, command: str) -> None:
        user = ["setpriv", "--reuid=timbrebox", "--regid=audio", "--clear-groups"]
        self._run(*user, "sh", "-c", f"umask 007; cd {STATE}; {command}")

    def _show(self, unit: str, *names: str) -> list[str]:
        lines = self._run("systemctl", "show", unit, f"--property={','.join(names)}").splitlines()
        found = dict(line.split("=", 1) for line in lines)
        return [found[name] for name in names]

    def _n_starts(self) -> int:
        return self._run("journalctl", "-u", UNITS[1], "--no-pager", "-o", "cat").count("Starting timbrebox-update")

    def _until_idle(self) -> None:
        ends = (["inactive"], ["failed"])
        self.box.wait(lambda: self._show(UNITS[1], "ActiveState") in ends, "end of the update", 120)

    def _nothing_waits(self) -> None:
        self._until_idle()
        assert not list(self._arrived.parent.iterdir())
        assert not list((self.box.root / "opt/timbrebox").glob(".u*"))


def os_lexists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.soak.page_updates", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/timbrebox-box"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    material = Updates(arguments.folder / "material")
    box = fresh_box(arguments.folder, material)
    rows = [f"Run on {date.today():%d %B %Y}.\n", "| step | seen |", "|---|---|"]
    box.start()
    try:
        for name, step in PageRig(box, material, 0).page_steps():
            rows.append(f"| {name} | {step()} |")
            print(rows[-1], flush=True)
    finally:
        print(box.run("journalctl", "-u", "timbrebox-update*", "--no-pager", "-n", "40")[1], file=sys.stderr)
        box.pull_plug()
        if arguments.out:
            arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
