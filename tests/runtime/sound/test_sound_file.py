"""A written sound is read back unchanged, and docs/sound.md is right."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from runtime.base.errors import UserError
from runtime.config import Adsr, Config, VoiceConfig
from runtime.sound.arpeggio import Arpeggio
from runtime.sound.file import load_sound, save_sound, sound_text
from runtime.sound.motion import (
    DEFAULT_LFO_HZ,
    MOST_MODULATIONS,
    SOURCES,
    TARGETS,
    TRAVELS,
    DelayedEnvelope,
    Lfo,
    Modulation,
)
from runtime.sound.settings import with_sound
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound, SoundEffects, SoundEnvelope, SoundInstrument, SoundPart, SoundVoice
from tests.support.places import ROOT
from tests.support.playing import decoder

FULL = Sound(
    name="yes: A/b #1 ünder 😀",
    instrument=SoundInstrument("virtual-analogue", "0123456789abcdef" * 4),
    latents={"low harmonics": 0.1, "high: #2": 1e-5, "on": 1.0},
    phase_blend=0.3,
    level_db=-4.5,
    pan=-0.25,
    voice=SoundVoice("legato", 0.1, 20.0, 4.0, 1.0),
    envelope=SoundEnvelope(0.1, 0.2, 0.3, 0.4, 0.5, -1.0),
    envelope_2=DelayedEnvelope(delay_s=0.1, curve=0.0),
    lfo_1=Lfo("random", 0.5, phase="note", depth_from="cc_21"),
    lfo_2=Lfo(beats=0.25, per_voice=True),
    tempo_bpm=90.0,
    modulation=(Modulation("velocity", "latent.on", -0.5, 0.5, "mod_wheel"), Modulation("key", "pan", 0.25)),
    filter=Filter("band", 900.0, 48, 6.0, 0.5, -2.0),
    tilt_db_per_octave=-3.0,
    odd_even_db=6.0,
    formant_semitones=-7.0,
    bandwidth_cents=20.0,
    width=0.5,
    effects=SoundEffects(0.3, 0.1),
)
SOUNDS = {
    "full": FULL,
    "empty": Sound(),
    "a name only": Sound(name="1.0"),
    "an instrument's name": Sound(instrument="tiny"),
    "parts that say nothing": Sound(latents={}, voice=SoundVoice(), envelope=SoundEnvelope()),
    "layers": Sound(
        name="both",
        level_db=-3.0,
        parts=(
            SoundPart(sound="a.yaml", channel=2, keys=(0, 59), velocity=(1, 90), transpose=-12),
            SoundPart(sound="b/c", instrument="tiny", level_db=-3.0, pan=0.5, send=0.5),
        ),
    ),
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


def connection(source: str = "key", target: str = "pan", amount: object = 1, **more: str) -> str:
    """The text of a sound's file with one modulation.

    more: further fields of this modulation.
    """
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return f"modulation: [{{source: {source}, target: {target}, amount: {amount}{rest}}}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sound_version: 2\nfuture: 3", ", sound_version: found 2; expected 1; use a Timbrebox"),
        ("sound_version: true", ", sound_version: found True; expected 1"),
        ("sound_version: &a [*a]", ", sound_version: found a list; expected 1"),
        ("latent: {}", "found unknown key 'latent'; expected a key that exists; did you mean 'latents'?"),
        ("lfo_3: {}", "found unknown key 'lfo_3'; expected a key that exists; did you mean 'lfo_2'?"),
        ("lfo_1: {rate: 3}", "found unknown key 'rate' at lfo_1; expected a key that exists; did you mean 'rate_hz'?"),
        ("lfo_1: {rate_hz: 1, beats: 2}", ", lfo_1: found rate_hz and beats; expected only one of them; leave one out"),
        ("lfo_2: {rate_hz: .nan}", "found nan at lfo_2.rate_hz; expected `float` >= 0.01"),
        ("lfo_1: {depth_from: mod_whel}", ", lfo_1.depth_from: found 'mod_whel'; expected a source of modulation"),
        ("filter: {cutoff: 900}", "found unknown key 'cutoff' at filter; expected a key that exists; did you mean"),
        ("filter: {slope_db_per_octave: 18}", "found 18 at filter.slope_db_per_octave"),
        ("tempo_bpm: .inf", "found inf at tempo_bpm; expected `float` <= 300.0"),
        ("modulation: 3", "found `int` at modulation; expected `array`"),
        ("modulation: [3]", ", modulation[0]: found `int`; expected `object`"),
        (connection(source="velocty"), ", modulation[0].source: found 'velocty'; expected a source of modulation"),
        (connection(source="velocty"), "; did you mean 'velocity'?"),
        (connection(source="cc_120"), ", modulation[0].source: found 'cc_120'"),
        (connection(scaled_by="lfo3"), ", modulation[0].scaled_by: found 'lfo3'"),
        (connection(target="levl"), ", modulation[0].target: found 'levl'; expected a target of modulation, such as"),
        (connection(target="levl"), "; did you mean 'level'?"),
        (connection(amount=1.5), ", modulation[0]: found 1.5 at amount; expected `float` <= 1.0"),
        (connection(amount=".nan"), ", modulation[0]: found nan at amount; expected `float` >= -1.0"),
        ("modulation: [{source: key, target: pan}]", ", modulation[0]: found no key 'amount'"),
        ("modulation: [{}]", ", modulation[0]: found no key 'source'"),
        (connection(amount="1}, {source: key, target: pan, amount: 2"), ", modulation[1]: found 2 at amount"),
        (
            f"modulation: [{'{source: key, target: pan, amount: 1}, ' * (MOST_MODULATIONS + 1)}]",
            "found a list at modulation; expected `array` of length <= 32",
        ),
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
        ("effects: {revreb: 1}", "at effects; expected a key that exists; did you mean 'reverb'?"),
        ("effects: {reverb: 2}", "found 2 at effects.reverb; expected `float` <= 1.0"),
        ("parts: [{sound: a}, {keys: [0, 59]}]", ", parts[1]: found no key 'sound'"),
        ("parts: [{sound: a, chanel: 1}]", ", parts[0]: found unknown key 'chanel'; expected a key that exists; did"),
        ("parts: [{sound: a, channel: 17}]", ", parts[0]: found 17 at channel; expected `int` <= 16"),
        ("parts: [{sound: a, keys: [60]}]", ", parts[0]: found "),
        ("parts: [{sound: a, keys: [72, 60]}]", ", parts[0].keys: found [72, 60]; expected the lowest first"),
        ("parts: [{sound: a, velocity: [0, 60]}]", ", parts[0]: found 0 at velocity[0]; expected `int` >= 1"),
        (f"parts: [{'{sound: a}, ' * 5}]", "found a list at parts; expected `array` of length <= 4"),
        ("{parts: [{sound: a}], width: 0.5}", ": found parts, and width; expected parts with name, instrument and"),
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

    shared = ranges(ours).keys() & ranges(settings).keys() - {"voice", "instrument", "effects"}
    assert shared == ({"phase_blend", "pan"} if ours is Sound else ranges(ours).keys())
    assert {name: ranges(ours)[name] for name in shared} == {name: ranges(settings)[name] for name in shared}


def test_a_file_of_100_mb_is_refused_unread(tmp_path: Path) -> None:
    with open(tmp_path / "large.yaml", "wb") as stream:
        stream.truncate(100 * 2**20)
    with pytest.raises(UserError, match="found 104,857,600 bytes or more; expected a readable YAML file of at most"):
        load_sound(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "trajectory: {inline: {step_s: 1, latents: {low harmonics: [0, 1, 0]}, loop_s: [2, 1]}}",
            "a.yaml, trajectory.inline, loop_s: found a loop from 2 to 1 s",
        ),
        (
            "trajectory: {inline: {step_s: 1, latents: {low harmonix: [0, 1, 0]}}}",
            "a.yaml, trajectory: found the knob 'low harmonix'; expected a knob of the instrument; did you mean",
        ),
        (
            connection(target="latent.low harmonix"),
            "modulation[0].target: found 'latent.low harmonix'; expected a target of modulation, such as filter.cutoff "
            "or latent.NAME; did you mean 'latent.low harmonics'?",
        ),
    ],
)
def test_a_mistake_that_only_the_instrument_shows_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        with_sound(Config(), load_sound(tmp_path / "a.yaml"), decoder().card, "a.yaml")
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


# The page without its section about trajectories, which test_trajectory_use.py tests.
PAGE = (ROOT / "docs" / "sound.md").read_text(encoding="utf-8").partition("\n## Trajectories\n")[0]


def table(heading: str) -> dict[str, list[str]]:
    """The table under a heading of docs/sound.md, as {a row's first cell: the row's other cells}."""
    section = re.search(rf"^#+ {heading}$(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:3] == "| `"]
    return {first.strip("`"): rest for first, *rest in rows}


def test_the_examples_of_the_page_are_sounds(tmp_path: Path) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for example in examples:
        (tmp_path / "example.yaml").write_text(example)
        load_sound(tmp_path / "example.yaml")
    assert len(examples) == 4


def test_the_table_of_parts_has_every_field_with_its_default() -> None:
    rows = table("Layers and splits")
    assert rows.keys() == {f"parts.{name}" for name in SoundPart.__struct_fields__}
    for field in msgspec.structs.fields(SoundPart):
        if isinstance(field.default, int | float):
            assert float(rows[f"parts.{field.name}"][2]) == field.default


def test_the_mistakes_of_the_page_give_the_lines_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text, (line,) in table("If something is wrong").items():
        Path("mine.yaml").write_text(text)
        with pytest.raises(UserError) as caught:
            load_sound("mine.yaml")
        assert str(caught.value) == line


STRUCTS = {
    "voice": VoiceConfig(),
    "envelope": Adsr(),
    "envelope_2": DelayedEnvelope(),
    "lfo_1": Lfo(),
    "filter": Filter(),
    "effects": SoundEffects(),
    "arpeggiator": Arpeggio(),
}


def test_the_table_of_fields_has_every_field_with_its_default() -> None:
    rows = table("Fields")
    # The table has rows for `instrument` and `modulation` themselves, and rows for their fields.
    top = {name: value for name, value in msgspec.structs.asdict(Sound()).items() if name not in STRUCTS}
    parts = {"instrument": SoundInstrument, "voice": SoundVoice, "envelope": SoundEnvelope, "modulation": Modulation}
    parts |= {part: type(struct) for part, struct in STRUCTS.items() if part not in parts}
    names = {f"{part}.{name}" for part, kind in parts.items() for name in kind.__struct_fields__}
    assert rows.keys() == top.keys() | names
    defaults = top | {"pan": 0.0, "phase_blend": 0.0}
    defaults |= {
        f"{part}.{name}": value
        for part, struct in STRUCTS.items()
        for name, value in msgspec.structs.asdict(struct).items()
        if f"{part}.{name}" in names
    }
    defaults |= {f"modulation.{field.name}": field.default for field in msgspec.structs.fields(Modulation)}
    for name, value in defaults.items():
        if name in IN_WORDS:
            assert rows[name][2] == IN_WORDS[name], name
        else:
            assert rows[name][2] == said(value), name


# Defaults for which docs/sound.md has another text than `said` returns.
IN_WORDS = {
    "instrument": "the settings'",
    "latents": "the preset's",
    "level_db": "0",
    "lfo_1.rate_hz": f"{DEFAULT_LFO_HZ:g}",
    "lfo_2": "",
    "modulation": "none",
    "parts": "none",
}


def said(value: object) -> str:
    """A value as docs/sound.md writes it."""
    if value is None or value is msgspec.NODEFAULT:
        return "none" if value is None else ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"


def test_the_tables_of_sources_and_targets_have_every_one() -> None:
    assert table("Sources").keys() == {*SOURCES, "cc_0` to `cc_119"}
    targets = table("Targets")
    assert targets.keys() == {*TARGETS, "latent.NAME"}
    assert {name: float(row[1]) for name, row in targets.items() if name in TRAVELS} == TRAVELS
