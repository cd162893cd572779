"""`render --sound` and `play --sound` as a user sees them."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.hearing import read_wav
from tests.support.places import DATA, ROOT
from tests.support.rig import JackServer, LiveProgram, Player

TINY, SCALE = str(DATA / "tiny.onnx"), str(DATA / "scale.mid")
LIMIT_S = 60.0  # a process that runs longer fails its test
TINY_SHA256 = hashlib.sha256((DATA / "tiny.onnx").read_bytes()).hexdigest()
BRIGHT = "latents: {low harmonics: 1.0, high harmonics: 1.0}\n"


def environment(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder / "data")}


def render(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime", "render", SCALE, "out.wav", *map(str, options)]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def rendered(folder: Path, *options: str | Path, said: str = "") -> bytes:
    """Run `render`; returns the bytes of its file. said: the exact text that it must write to stderr."""
    done = render(folder, *options)
    assert (done.returncode, done.stderr) == (0, said)
    return (folder / "out.wav").read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the instrument `mine` (a copy of tiny), and with an empty folder for the user's sounds."""
    (tmp_path / "instruments").mkdir()
    (tmp_path / "data" / "timbrebox" / "sounds").mkdir(parents=True)
    shutil.copy(TINY, tmp_path / "instruments" / "mine.onnx")
    return tmp_path


def presets_show(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "runtime", "presets", "show", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True, timeout=LIMIT_S
    ).stdout


@pytest.mark.parametrize("options", [[], ["--instrument", TINY]], ids=["bundled", "tiny"])
def test_a_preset_is_a_sound_by_name_and_as_a_file(folder: Path, options: list[str]) -> None:
    name = "mellow" if options else "BriansBank04/114 Dreamy7"  # each instrument's first preset
    (folder / "first.yaml").write_text(presets_show(folder, name, *options))
    expected = rendered(folder, "--preset", name, *options)
    assert rendered(folder, *options) == expected
    assert rendered(folder, "--sound", name, *options) == expected
    assert rendered(folder, "--sound", "first.yaml", *options) == expected


def test_a_sound_of_the_user_s_is_found_by_name(folder: Path) -> None:
    (folder / "data" / "timbrebox" / "sounds" / "my 1%2F2.yaml").write_text(f"instrument: mine\n{BRIGHT}")
    assert rendered(folder, "--sound", "my 1/2") == rendered(folder, "--preset", "bright", "--instrument", "mine")


def test_flags_win_over_the_sound_and_the_sound_over_the_settings(folder: Path) -> None:
    (folder / "settings.yaml").write_text("{phase_blend: 0.5, preset: mellow, instrument: mine, volume_db: -3}")
    (folder / "sound.yaml").write_text(f"{BRIGHT}phase_blend: 1.0\nlevel_db: -3.0\n")
    (folder / "same.yaml").write_text("{phase_blend: 1.0, preset: bright, instrument: mine, volume_db: -6}")
    given = ["--config", "settings.yaml", "--sound", "sound.yaml"]
    assert rendered(folder, *given) == rendered(folder, "--config", "same.yaml")
    flags = ["--phase", "noise", "--latents", "0.5,0.0"]
    assert rendered(folder, *given, *flags) == rendered(folder, "--config", "same.yaml", *flags)


def test_a_sound_chooses_its_instrument_unless_another_is_named(folder: Path) -> None:
    (folder / "settings.yaml").write_text(
        "preset: 'BriansBank15/95 AirMattress'"  # a preset of the bundled instrument
    )
    (folder / "sound.yaml").write_text("instrument: {name: mine}\nlatents: {high harmonics: 1.0}\n")
    chosen = rendered(folder, "--config", "settings.yaml", "--sound", "sound.yaml")
    assert chosen == rendered(folder, "--instrument", "mine", "--latents", "0.5,1.0")
    none = DATA / "tiny-none.onnx"
    said = "timbrebox: sound.yaml was made for mine; tiny-none plays it.\n"
    other = rendered(folder, "--sound", "sound.yaml", "--instrument", none, said=said)
    assert other == rendered(folder, "--latents", "0.5,1.0", "--instrument", none)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"instrument: {{name: tiny, sha256: {TINY_SHA256}}}", ""),
        (f"instrument: {{name: renamed, sha256: {TINY_SHA256}}}", ""),
        ("instrument: tiny", ""),
        ("instrument: not here", "a.yaml was made for not here; tiny plays it."),
        (
            f"instrument: {{name: tiny, sha256: {'ab' * 32}}}",
            "a.yaml was made for another version of tiny; tiny plays it.",
        ),
        ("instrument: /dev/zero", "a.yaml was made for /dev/zero; tiny plays it."),
    ],
)
def test_a_sound_made_for_another_instrument_is_played_with_one_line(folder: Path, text: str, said: str) -> None:
    (folder / "tiny.yaml").write_text(f"instrument: {TINY}")
    (folder / "a.yaml").write_text(f"{text}\n{BRIGHT}")
    said = said and f"timbrebox: {said}\n"
    assert rendered(folder, "--config", "tiny.yaml", "--sound", "a.yaml", said=said) == rendered(
        folder, "--instrument", TINY, "--preset", "bright"
    )


def test_knobs_that_the_other_instrument_lacks_are_named(folder: Path) -> None:
    (folder / "a.yaml").write_text("instrument: x\nlatents: {low harmonics: 1.0, brightness: 0.5}")
    said = "timbrebox: a.yaml was made for x; tiny plays it, which has no brightness.\n"
    sound = rendered(folder, "--instrument", TINY, "--sound", "a.yaml", said=said)
    assert sound == rendered(folder, "--instrument", TINY, "--latents", "1.0,0.0")


def test_modulation_and_trajectories_of_missing_knobs_are_left_out_and_named(folder: Path) -> None:
    def text(connections: str, other_knob: str) -> str:
        path = f"{{{other_knob}low harmonics: [0, 0.5, 1]}}"
        return (
            "latents: {low harmonics: 0.0}\n"
            f"modulation: [{{source: lfo_1, target: latent.low harmonics, amount: 0.5}}{connections}]\n"
            f"trajectory: {{inline: {{step_s: 0.1, latents: {path}, loop_s: [0.1, 0.2]}}}}\n"
        )

    strange = text(", {source: lfo_2, target: latent.warmth, amount: 1}", "brightness: [0, 1, 0], ")
    (folder / "a.yaml").write_text(f"instrument: x\n{strange}")
    (folder / "same.yaml").write_text(text("", ""))
    said = "timbrebox: a.yaml was made for x; tiny plays it, which has no warmth, brightness.\n"
    sound = rendered(folder, "--instrument", TINY, "--sound", "a.yaml", said=said)
    assert sound == rendered(folder, "--instrument", TINY, "--sound", "same.yaml")
    assert sound != rendered(folder, "--instrument", TINY, "--latents", "0,0")


def write_odd_files(folder: Path) -> None:
    levels = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 4)}]" for i in range(1, 30))]
    (folder / "bomb.yaml").write_text("\n".join(levels))
    (folder / "deep.yaml").write_text("[" * 50_000)
    (folder / "nan.yaml").write_text("latents: {high harmonics: .nan}")
    (folder / "knob.yaml").write_text("latents: {high harmonix: 0.5}")
    (folder / "other.yaml").write_text("instrument: x\nlatents: {brightness: 0.5}")
    (folder / "version.yaml").write_text("sound_version: 7")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe\xfd")
    with open(folder / "large.yaml", "wb") as stream:
        stream.truncate(100 * 2**20)
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        ("bomb.yaml", "bomb.yaml, line 4: found more than 10 aliases"),
        ("deep.yaml", "deep.yaml: found lists inside lists without end"),
        ("nan.yaml", "nan.yaml, latents, 'high harmonics': found nan"),
        ("knob.yaml", "knob.yaml, latents: found the knob 'high harmonix'; expected a knob of tiny; did you mean"),
        ("other.yaml", "other.yaml: found a sound for x; expected a sound with a knob of tiny: high harmonics, low"),
        ("version.yaml", "version.yaml, sound_version: found 7; expected 1"),
        ("bytes.yaml", "bytes.yaml: found 'utf-8' codec"),
        ("large.yaml", "large.yaml: found 104,857,600 bytes or more; expected a readable YAML file of at most 262,144"),
        ("pipe.yaml", "pipe.yaml: found a pipe"),
        ("folder.yaml", "folder.yaml: found a folder"),
        ("none.yaml", "none.yaml: found no such file"),
        ("/dev/zero", "sound's name: found '/dev/zero'; expected a sound of tiny, one of your own or a .yaml file"),
        ("brigt", "sound's name: found 'brigt'; expected a sound of tiny, one of your own or a .yaml file;"),
        ("", "sound's name: found ''; expected a sound of tiny"),
    ],
)  # fmt: skip
def test_a_wrong_sound_is_one_line_and_status_2(folder: Path, sound: str, said: str) -> None:
    write_odd_files(folder)
    done = render(folder, "--instrument", TINY, "--sound", sound)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "out.wav").exists()


@pytest.mark.parametrize("command", ["render", "play"])
def test_preset_and_sound_together_are_refused(folder: Path, command: str) -> None:
    words = [SCALE, "out.wav"] if command == "render" else ["--audio", "null"]
    words += ["--preset", "bright", "--sound", "bright", "--instrument", TINY]
    done = subprocess.run(
        [sys.executable, "-m", "runtime", command, *words],
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    said = "timbrebox: --sound: found --preset, too; expected only one of them; leave --preset out\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_the_sound_file_is_never_overwritten(folder: Path) -> None:
    (folder / "a.yaml").write_text(BRIGHT)
    (folder / "out.wav").symlink_to("a.yaml")
    done = render(folder, "--instrument", TINY, "--sound", "a.yaml")
    assert done.returncode == 2
    assert "the same file as a.yaml, which is read" in done.stderr
    assert (folder / "a.yaml").read_text() == BRIGHT


def test_an_envelope_is_heard(folder: Path) -> None:
    (folder / "pluck.yaml").write_text("envelope: {attack_s: 0.0, hold_s: 0.1, decay_s: 0.05, sustain: 0.0}")
    rendered(folder, "--instrument", TINY, "--sound", "pluck.yaml")
    sound, rate_hz = read_wav(folder / "out.wav")
    assert np.abs(sound[: round(0.09 * rate_hz)]).max() > 0.05
    assert np.abs(sound[round(0.2 * rate_hz) : round(0.7 * rate_hz)]).max() == 0.0


@pytest.mark.rig
def test_play_starts_with_the_sound(jack_server: JackServer, folder: Path) -> None:
    (folder / "rig.yaml").write_text(
        "audio: {host_api: JACK, device: system, buffer_frames: 256}\nmidi: {api: UNIX_JACK, virtual_port: in}\n"
    )
    (folder / "a.yaml").write_text(f"instrument: x\n{BRIGHT}")
    above_2_khz = {}
    for name in ("a.yaml", "mellow"):
        asked = folder / name if name.endswith(".yaml") else name
        words = ["--config", folder / "rig.yaml", "--instrument", TINY, "--sound", asked]
        with (
            LiveProgram(words, jack_server.env) as program,
            Player(jack_server, "timbrebox:in", ("PortAudio:out_0", "PortAudio:out_1")) as player,
        ):
            if name == "a.yaml":
                assert program.lines[0] == f"{asked} was made for x; tiny plays it.\n"
            player.send([0x90, 60, 100])
            player.record(0.3)
            sound = player.record(1.0)[:, 0]
            power = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
            above_2_khz[name] = power[2000:].sum() / power.sum()  # bin 2000 is at 2 kHz
            assert program.stop(signal.SIGTERM) == 0
    assert above_2_khz["mellow"] < 0.001 < 0.01 < above_2_khz["a.yaml"]
