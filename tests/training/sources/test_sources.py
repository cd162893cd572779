"""Every source whose packages are on this machine gives a note at the right pitch, with a free licence."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from runtime.base.errors import UserError
from training.corpus.csv_table import read_table
from training.sources import analogue, fm, orchestra, pads, strings
from training.sources.__main__ import main
from training.sources.folder import SAMPLE_RATE_HZ
from training.sources.packages import cache_folder, debian_file, debian_file_here, npm_package
from training.sources.presets import licence_of, preset_credits
from training.sources.programs import Program
from training.sources.render import SOURCES, render

FREE = re.compile(r"MIT|CC0|CC-BY|public domain|rendered from .* \(GPL-2\+\)")
ONE_SOUND = {"analogue": "basic11", "fm": "E.PIANO 1", "orchestra": "flute", "pads": "Strings Pad1"}
ONE_SOUND |= {"sections": "celli", "strings": "harp"}
NEEDED = {
    "analogue": [("amsynth", "usr/lib/dssi/amsynth_dssi.so")],
    "fm": [("hexter", "usr/lib/dssi/hexter.so")],
    "orchestra": [(orchestra.PACKAGE, orchestra.SOUNDFONT.path)],
    "pads": [("zynaddsubfx-dssi", "usr/lib/dssi/libzynaddsubfx_dssi.so"), ("zynaddsubfx-data", pads.BANKS)],
    "sections": [(orchestra.SECTIONS_PACKAGE, orchestra.SECTIONS_SOUNDFONT.path)],
    "strings": [],
}


def is_here(name: str) -> bool:
    """Whether everything that a source needs is on this machine; the tests fetch nothing."""
    if name in ("orchestra", "sections") and shutil.which("fluidsynth") is None:
        return False
    npm = [f"npm-{package.name}-{package.version}" for package in strings.PACKAGES] if name == "strings" else []
    return all(debian_file_here(*needed) for needed in NEEDED[name]) and all(
        (cache_folder() / folder).is_dir() for folder in npm
    )


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_here(name), reason=f"the packages of source {name} are not here")


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in SOURCES])
def test_a_source_gives_notes_in_tune_with_a_free_licence(name: str, tmp_path: Path) -> None:
    report = render(name, tmp_path / "out", only=ONE_SOUND[name], most_notes=1)
    assert report.startswith(("1 sounds, 1 recordings", "1 sounds, 2 recordings")), report
    row, *_ = read_table(tmp_path / "out" / "manifest.csv", ("file", "note"))
    assert row.get("sound") == ONE_SOUND[name]
    assert FREE.match(row.get("licence"))
    assert ONE_SOUND[name] in row.get("source").lower() + row.get("source")
    assert (tmp_path / "out" / row.get("file")).stat().st_size > 20_000


@needs("orchestra")
def test_every_preset_of_the_orchestra_has_a_credit() -> None:
    known = preset_credits(orchestra.SOUNDFONT)
    for sound in orchestra.SOUNDS:
        assert "Samples: " in known[sound.bank, sound.program]
    assert licence_of(known[0, 0]) == "MIT (samples: public domain)"
    assert licence_of(known[0, 73]) == "MIT"


@needs("sections")
def test_the_sections_have_the_credit_that_their_rows_refer_to() -> None:
    known = preset_credits(orchestra.SECTIONS_SOUNDFONT)
    told = {known[sound.bank, sound.program] for sound in orchestra.SECTIONS}
    assert len(told) == len(orchestra.SECTIONS)
    assert {licence_of(credit) for credit in told} == {"CC0 (VSCO 2 CE), MIT"}


def test_notes_cover_the_range_of_each_instrument() -> None:
    sounds = (*orchestra.SOUNDS, *orchestra.SECTIONS)
    for sound in sounds:
        assert set(np.diff(sound.notes)) <= {2, 3}
        assert sound.notes[0] >= 24
    assert len({sound.name for sound in sounds}) == len(sounds)


@needs("fm")
def test_a_note_of_a_dssi_plugin_ends_and_is_transposed() -> None:
    (piano,) = [program for program in fm.PLAYER.read(fm.PROGRAMS) if program.sound == "E.PIANO 1"]
    samples = fm.PLAYER.render(piano, [60, 72], 0.2, 0.8)
    assert samples.shape == (2, SAMPLE_RATE_HZ)
    held, end = samples[:, : SAMPLE_RATE_HZ // 5], samples[:, -SAMPLE_RATE_HZ // 10 :]
    assert np.abs(held).max() > 100.0 * np.abs(end).max()
    lower = Program(piano.bank, piano.number, piano.name, 12)
    np.testing.assert_array_equal(fm.PLAYER.render(lower, [72], 0.2, 0.8)[0], samples[0])


@needs("fm")
def test_a_table_with_a_wrong_name_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("bank,number,name,transpose\n0,3,E.ORGAN 9,0\n")
    with pytest.raises(UserError, match=r"line 2: found name 'E.ORGAN 9'; expected 'E.PIANO 1'"):
        fm.PLAYER.read(table)


@needs("analogue")
def test_every_patch_of_the_list_has_a_name_of_its_own() -> None:
    names = [analogue.sound_name(patch) for patch in analogue.candidates()]
    assert len(set(names)) == len(names)


def test_a_missing_package_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="sudo apt-get install no-such-package"):
        debian_file("no-such-package", "usr/lib/nothing.so")
    with pytest.raises(UserError, match="no npm"):
        npm_package("nothing", "1.0.0", "")
    assert not any((tmp_path / "timbrebox" / "packages").iterdir())


def test_unknown_sources_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["orchestr", str(tmp_path / "out")]) == 2
    assert "did you mean 'orchestra'?" in capsys.readouterr().err


@needs("strings")
def test_an_unknown_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sound 'lute'"):
        render("strings", tmp_path / "out", only="lute")
    assert not any(tmp_path.iterdir())
