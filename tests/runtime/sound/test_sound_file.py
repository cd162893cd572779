"""A sound's file: a written sound is read back unchanged, a mistake gives one line, and docs/sound.md is right."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from runtime.base.errors import UserError
from runtime.config import Adsr, Config, VoiceConfig
from runtime.sound.file import load_sound, save_sound, sound_text
from runtime.sound.sound import Sound, SoundEnvelope, SoundInstrument, SoundVoice
from tests.support.places import ROOT

FULL = Sound(
    name="yes: A/b #1 ünder 😀",
    instrument=SoundInstrument("virtual-analogue", "0123456789abcdef" * 4),
    latents={"low harmonics": 0.1, "high: #2": 1e-5, "on": 1.0},
    phase_blend=0.3,
    level_db=-4.5,
    pan=-0.25,
    voice=SoundVoice("legato", 0.1, 20.0, 4.0, 1.0),
    envelope=SoundEnvelope(0.1, 0.2, 0.3, 0.4, 0.5),
)
SOUNDS = {
    "full": FULL,
    "empty": Sound(),
    "a name only": Sound(name="1.0"),
    "an instrument's name": Sound(instrument="tiny"),
    "parts that say nothing": Sound(latents={}, voice=SoundVoice(), envelope=SoundEnvelope()),
    "one field of each part": Sound(voice=SoundVoice(mode="mono"), envelope=SoundEnvelope(sustain=0.0)),
}


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS)
def test_a_written_sound_is_read_as_an_equal_one(tmp_path: Path, sound: Sound) -> None:
    path = tmp_path / "new folder" / "a.yaml"
    save_sound(path, sound)
    assert load_sound(path) == sound
    assert path.read_text(encoding="utf-8") == sound_text(sound)
    assert sound_text(sound).startswith("sound_version: 1\n")


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(UserError, match="found a pipe"):
        save_sound(tmp_path / "a.yaml", FULL)
    (tmp_path / "b.yaml").write_text("name: old")
    with pytest.raises(UserError, match="the same file"):
        save_sound(tmp_path / "b.yaml", FULL, inputs=[tmp_path / "b.yaml"])
    assert load_sound(tmp_path / "b.yaml").name == "old"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sound_version: 2\nfuture: 3", ", sound_version: found 2; expected 1; use a Timbrebox"),
        ("sound_version: true", ", sound_version: found True; expected 1"),
        ("sound_version: &a [*a]", ", sound_version: found a list; expected 1"),
        ("latent: {}", "found unknown key 'latent'; expected a key that exists; did you mean 'latents'?"),
        ("lfo_1: {}", "found unknown key 'lfo_1'"),
        ("voice: {n_voices: 3}", "found unknown key 'n_voices' at voice"),
        ("voice: {vibrato_hx: 3}", "at voice; expected a key that exists; did you mean 'vibrato_hz'?"),
        ("envelope: {attack: 3}", "at envelope; expected a key that exists; did you mean 'attack_s'?"),
        ("instrument: {name: x, sha: y}", "at instrument; expected a key that exists; did you mean 'sha256'?"),
        ("instrument: {name: x, sha256: abc}", "found 'abc' at instrument.sha256"),
        ("instrument: {sha256: abc}", "found 'abc' at instrument.sha256"),
        ("instrument: ''", ", instrument: found an empty name"),
        ("instrument: 3", "found `int` at instrument"),
        ("name: ''", "found '' at name; expected `str` of length >= 1"),
        ("name: ' '", ", name: found an empty name"),
        ('name: "a\\nb"', r", name: found 'a\nb', which cannot be printed on one line"),
        ('name: "\\e[2J"', r", name: found '\x1b[2J', which cannot be printed"),
        (f"name: {'x' * 101}", "expected `str` of length <= 100"),
        ("phase_blend: 1.01", "found 1.01 at phase_blend; expected `float` <= 1.0"),
        ("phase_blend: .nan", "found nan at phase_blend"),
        ("level_db: -.inf", "found -inf at level_db; expected `float` >= -60.0"),
        ("level_db: 13", "found 13 at level_db; expected `float` <= 12.0"),
        ("pan: left", "found `str` at pan; expected `float | null`"),
        ("pan: yes", "found `bool` at pan"),
        ("latents: 3", "found `int` at latents"),
        ("latents: {1: 0.5}", "found `int` at latents; expected `str`"),
        ("latents: {body: 1.5}", ", latents, 'body': found 1.5; expected `float` <= 1.0"),
        ("latents: {body: .nan}", ", latents, 'body': found nan; expected `float` >= 0.0"),
        ("latents: {body: null}", ", latents, 'body': found `null`; expected `float`"),
        ("latents: &a {body: *a}", ", latents, 'body': found `object`; expected `float`"),
        ('latents: {"\\e[2J": 0.5}', r", latents: found '\x1b[2J', which cannot be printed"),
        ("voice: {mode: polly}", "found 'polly' at voice.mode; expected one of the known values"),
        ("envelope: {sustain: -0.1}", "found -0.1 at envelope.sustain"),
        ("envelope: {hold_s: 31}", "found 31 at envelope.hold_s; expected `float` <= 30.0"),
        ("- 1", "found `array`; expected `object`"),
        ("voice: [", "line 1"),
        ("\0", "found broken YAML; expected valid YAML"),
        ("!!python/object:os.system {}", "found could not determine a constructor"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_sound(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("ours", "settings"), [(SoundVoice, VoiceConfig), (SoundEnvelope, Adsr), (Sound, Config)])
def test_a_field_has_the_range_of_the_setting_that_it_replaces(ours: type, settings: type) -> None:
    def ranges(kind: type) -> dict[str, object]:
        fields = {field.encode_name: field.type for field in msgspec.inspect.type_info(kind).fields}
        return {name: getattr(t, "types", (t,))[0] for name, t in fields.items()}

    shared = ranges(ours).keys() & ranges(settings).keys() - {"voice", "instrument"}
    assert shared == ({"phase_blend", "pan"} if ours is Sound else ranges(ours).keys())
    assert {name: ranges(ours)[name] for name in shared} == {name: ranges(settings)[name] for name in shared}


# The section about trajectories has tests of its own.
PAGE = (ROOT / "docs" / "sound.md").read_text(encoding="utf-8").partition("\n## Trajectories\n")[0]


def test_the_example_of_the_page_is_a_sound(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)
    assert load_sound(tmp_path / "example.yaml").name == "Glass pad"


def test_the_table_of_the_page_has_every_field_with_its_default() -> None:
    cells = [[cell.strip() for cell in line.split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
    rows = {row[1].strip("`"): row[4] for row in cells}
    names = set(msgspec.structs.asdict(Sound())) - {"voice", "envelope"}
    parts = {"instrument": SoundInstrument, "voice": SoundVoice, "envelope": SoundEnvelope}
    names |= {f"{part}.{name}" for part, kind in parts.items() for name in kind.__struct_fields__}
    assert rows.keys() == names
    defaults = {"pan": 0.0, "phase_blend": 0.0} | {
        f"{part}.{name}": value
        for part, settings in (("voice", VoiceConfig()), ("envelope", Adsr()))
        for name, value in msgspec.structs.asdict(settings).items()
        if f"{part}.{name}" in names
    }
    for name, value in defaults.items():
        assert rows[name] == (f"`{value}`" if isinstance(value, str) else f"{value:g}"), name
