"""Sends the recordings of a folder through an instrument, and prints how close the output comes to the input.

Run as `python -m tests.soak.through FOLDER --instrument NAME|F.onnx [--every N] [--held-out] [--live MINUTES]`. It
sends the first 10 s of each recording. It prints a line for each recording, then the means and the worst values.
Distances are in dB, by runtime/acoustics/timbre_distance.py. Frames in which the input is silent do not count. The
columns:

- colour 0: distance of output and input if none of the input's colour is added (docs/through.md);
- colour 1: distance of output and input if all of the input's colour is added, the default;
- level: the output's level minus the input's level in dB, as a mean over the frames;
- weakest knob: the fourth largest effect of a knob, or the smallest effect if there are fewer than four knobs. A knob's
  effect is the distance of the outputs with this knob at 0 and at 1, for the first 2 s of the recording;
- times: seconds of sound that are made in one second of time.

--held-out: sends only the pitches that training holds out: the third, seventh, eleventh and so on of each sound's
pitches. It needs a manifest.csv with the columns file, note and sound.

--live: at the end, plays the recordings into `play --through` on a JACK server, in blocks of 256 frames. It counts
the late blocks in three runs: with the effect alone, with the effect and notes, and with notes alone.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import re
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in runtime/__main__.py

import numpy as np
import yaml

from runtime.acoustics.pitch import parse_note
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.base.command_line import run_program
from runtime.base.errors import UserError
from runtime.instrument.encoder import load_encoder
from runtime.instrument.library import find, load
from runtime.recordings.reading import SUFFIXES, UnusableError, mono_blocks
from runtime.through.chain import Chain
from runtime.through.offline import through_blocks
from runtime.through.settings import EffectSettings, offsets_at
from tests.support.rig import JackServer, LiveProgram, Player
from tests.support.rig_source import Microphone
from tests.support.rig_stalls import MachineStalls

SILENT_DB, SILENT_UNDER_LOUDEST_DB = -60.0, -50.0
LONGEST_S, KNOBS_S = 10.0, 2.0
N_KNOBS = 4
LIVE_FRAMES, STEP_S = 256, 0.1


def distance(given: np.ndarray, made: np.ndarray, spec: StftSpec) -> tuple[float, float]:
    """Distance in dB between two sounds, and the level of `made` minus the level of `given` in dB.

    Only frames in which `given` is audible count.
    """
    first, second = magnitude_frames(given, spec), magnitude_frames(made, spec)
    if not len(first):
        return np.nan, np.nan
    peaks_db = 20.0 * np.log10(first.max(axis=1) / (spec.frame_size / 4.0) + 1e-9)
    heard = peaks_db > max(SILENT_DB, float(peaks_db.max()) + SILENT_UNDER_LOUDEST_DB)
    if not heard.any():
        return np.nan, np.nan
    powers = [np.square(frames[heard], dtype=np.float64).sum(axis=1) + 1e-12 for frames in (first, second)]
    level_db = float(10.0 * np.log10(powers[1] / powers[0]).mean())
    return distance_db(band_levels_db(first[heard], spec), band_levels_db(second[heard], spec)), level_db


class Measured:
    def __init__(self, instrument: str | None):
        self.decoder = load(instrument)
        self.encoder = load_encoder(self.decoder)
        self.spec = self.decoder.card.spec

    def through(self, sound: np.ndarray, settings: EffectSettings) -> np.ndarray:
        chain = Chain(self.decoder, self.encoder, self.spec)
        chain.set(settings)
        return np.concatenate(list(through_blocks([sound], chain)))

    def weakest_knob_db(self, sound: np.ndarray) -> float:
        """The smallest effect among the N_KNOBS knobs with the largest effects.

        A knob's effect is the distance in dB between the sounds with the knob at 0 and at 1.
        """
        n = self.decoder.card.n_latents
        moved_db = []
        for knob in range(n):
            ends = []
            for end in (0.0, 1.0):
                positions = [0.5] * n
                positions[knob] = end
                ends.append(self.through(sound, EffectSettings(offsets_at(tuple(positions)))))
            moved_db.append(distance(*ends, self.spec)[0])
        return sorted(moved_db)[-min(N_KNOBS, n)]

    def row(self, sound: np.ndarray) -> list[float]:
        began_s = time.perf_counter()
        plain = self.through(sound, EffectSettings(colour=0.0))
        times = len(sound) / self.spec.sample_rate_hz / (time.perf_counter() - began_s)
        coloured = self.through(sound, EffectSettings())
        plain_db = distance(sound, plain, self.spec)[0]
        coloured_db, level_db = distance(sound, coloured, self.spec)
        short = sound[: round(KNOBS_S * self.spec.sample_rate_hz)]
        return [plain_db, coloured_db, level_db, self.weakest_knob_db(short), times]


def recordings(folder: Path, held_out: bool) -> list[Path]:
    if not held_out:
        return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    with (folder / "manifest.csv").open(encoding="utf-8") as stream:
        rows = [(row["sound"], parse_note(row["note"]), folder / row["file"]) for row in csv.DictReader(stream)]
    notes = {name: sorted({note for other, note, _ in rows if other == name}) for name, _, _ in rows}
    return [path for name, note, path in rows if notes[name].index(note) % 4 == 2]


def read(path: Path, spec: StftSpec) -> np.ndarray:
    return np.concatenate(list(mono_blocks(path, spec.sample_rate_hz)))[: round(LONGEST_S * spec.sample_rate_hz)]


def run(arguments: argparse.Namespace) -> int:
    measured = Measured(arguments.instrument)
    figures = measured.decoder.card.measured or {}
    rows, sounds = [], []
    names = ["colour 0", "colour 1", "level", "weakest knob", "times"]
    print("  ".join(["recording".ljust(28), *(name.rjust(12) for name in names)]))
    for path in recordings(arguments.folder, arguments.held_out)[:: arguments.every]:
        try:
            sounds.append(read(path, measured.spec))
        except UnusableError as error:
            print(f"{path.name}: {error}")
            continue
        rows.append(measured.row(sounds[-1]))
        print(_line(f"{path.parent.name}/{path.stem}", rows[-1]), flush=True)
    if not rows:
        raise UserError(arguments.folder, "no recordings", "some", "name another folder")
    print(_line("mean", np.nanmean(rows, axis=0)))
    print(_line("worst", [*np.nanmax(rows, axis=0)[:2], *np.nanmin(rows, axis=0)[2:]]))
    if isinstance(figures, dict) and figures.get("heldout_path_db") is not None:
        print(f"the card's distance of held-out recordings: {figures['heldout_path_db']:.2f} dB")
    if arguments.live:
        for effect, notes in ((True, False), (True, True), (False, True)):
            live(find(arguments.instrument), np.concatenate(sounds), arguments.live, effect, notes)
    return 0


def live(instrument: Path, sound: np.ndarray, minutes: float, effect: bool, notes: bool) -> None:
    """Run `play` while knobs move, and print how many blocks were late.

    effect: whether `play` runs with --through and gets the sound as its input.
    notes: whether notes are played.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, settings = Path(name), Path(name) / "rig.yaml"
        audio = {"host_api": "JACK", "device": "system", "buffer_frames": LIVE_FRAMES}
        settings.write_text(yaml.safe_dump({"audio": audio, "midi": {"api": "UNIX_JACK", "virtual_port": "in"}}))
        with JackServer(folder / "jackd.log", period_frames=LIVE_FRAMES) as server:
            options = ["--config", settings, "--instrument", instrument, *(["--through"] if effect else [])]
            ears = Microphone(server, sound, ("PortAudio:in_0", "PortAudio:in_1"), folder)
            with (
                LiveProgram(options, server.env) as program,
                ears if effect else contextlib.nullcontext(),
                Player(server, "timbrebox:in", ()) as player,
                MachineStalls(LIVE_FRAMES / server_rate_hz(program) / 3.0) as machine,
            ):
                _play(player, minutes, notes)
                program.stop()
            said = program.wait_for("Stopped").strip()
            blamed = server.n_unfinished("PortAudio", "Running")
    if effect:
        print(program.wait_for("Through").strip())
    kind = " and ".join(["the effect"] * effect + ["notes"] * notes)
    n_stalls = len(machine.stalls)
    print(f"live, {kind}: {said} JACK blames the program for {blamed} periods; the machine stalled {n_stalls} times.")


def server_rate_hz(program: LiveProgram) -> int:
    return int(re.search(r"READY (\d+) Hz", program.wait_for("READY"))[1])


def _play(player: Player, minutes: float, notes: bool) -> None:
    end_s, step = time.monotonic() + 60.0 * minutes, 0
    while time.monotonic() < end_s:
        note = 48 + step % 24
        player.send([0xB0, 70 + step % 4, 7 * step % 128], *([[0x90, note, 80]] if notes else []))
        time.sleep(STEP_S)
        if notes:
            player.send([0x80, note, 0])
        step += 1


def _line(name: str, values: list[float] | np.ndarray) -> str:
    return "  ".join([name[:28].ljust(28), *(f"{value:12.2f}" for value in values)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instrument", metavar="NAME|F.onnx")
    parser.add_argument("--held-out", action="store_true", help="only the pitches that a training leaves out")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth recording")
    parser.add_argument("--live", type=float, default=0.0, metavar="MINUTES", help="also play live on a JACK server")
    sys.exit(run_program(parser, run))
