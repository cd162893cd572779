"""Plays a DSSI synthesizer offline, in a separate process for each patch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from runtime.base.errors import UserError

HOST = Path(__file__).with_name("dssi_host.py")


@dataclass(frozen=True)
class Plugin:
    """A plugin and how to start it.

    settings: (key, value) pairs for the plugin's function `configure`.
    warm_up_samples: how many samples each instance runs before it plays; see `Synth.set_up` (dssi_host.py).
    environment: environment variables of the plugin's process.
    """

    path: Path
    settings: tuple[tuple[str, str], ...] = ()
    warm_up_samples: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Playing:
    """Notes to play with one patch.

    n_samples: number of samples recorded of each note.
    n_held: number of samples after which each note is released.
    program: (bank, number); None to select none.
    controls: values of control ports, by the port's name.
    """

    notes: list[int]
    velocity: int
    n_samples: int
    n_held: int
    sample_rate_hz: int
    program: tuple[int, int] | None = None
    controls: Mapping[str, float] = field(default_factory=dict)


def play(plugin: Plugin, playing: Playing, where: str) -> np.ndarray:
    """Play each note on a new plugin instance; returns the mono sound, float32 (n_notes, n_samples).

    UserError if the plugin fails; `where` names the sound in the error.
    """
    answer = _ask(plugin, asdict(playing), where)
    return np.frombuffer(answer, "<f4").reshape(len(playing.notes), -1, playing.n_samples).mean(1, dtype=np.float32)


def programs(plugin: Plugin, sample_rate_hz: int, where: str) -> list[tuple[int, int, str]]:
    """Bank, number and name of each program; UserError if the plugin fails. where: as in `play`."""
    request = {"controls": {}, "sample_rate_hz": sample_rate_hz, "list_programs": True}
    return [(bank, number, name) for bank, number, name in json.loads(_ask(plugin, request, where))]


def _ask(plugin: Plugin, request: dict, where: str) -> bytes:
    request |= {"plugin": str(plugin.path), "settings": plugin.settings, "warm_up_samples": plugin.warm_up_samples}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(HOST)],  # without site packages, Python starts in milliseconds
        input=json.dumps(request).encode(),
        capture_output=True,
        env={**os.environ, **plugin.environment},
        check=False,
    )
    if done.returncode:
        detail = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise UserError(where, detail, "a sound", f"check the installation of {plugin.path}")
    return done.stdout
