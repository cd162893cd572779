"""configs/instrument.yaml holds the default settings; a wrong setting gives one clear line as an error message."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.base.errors import UserError
from runtime.config import DEFAULT_CONFIG, Config, load_config
from runtime.instrument.library import DEFAULT_INSTRUMENT


def test_the_committed_settings_are_the_defaults() -> None:
    committed = load_config(DEFAULT_CONFIG)
    assert committed == Config(instrument=DEFAULT_INSTRUMENT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("voice: {n_voices: 0}", "found 0 at voice.n_voices; expected `int` >= 1"),
        ("voice: {n_voicse: 3}", "unknown key 'n_voicse' at voice; expected a key that exists; did you mean"),
        ("voice: {mode: polly}", "'polly' at voice.mode"),
        ("tuning: {a4_hz: high}", "found `str` at tuning.a4_hz; expected `float`"),
        ("audio: 3", "found `int` at audio"),
        ("seed: -1", "found -1 at seed; expected `int` >= 0"),
        ("latent_controls: {7: 1}", "control 7, which MIDI gives another meaning"),
        ("phase_control: 7", ", phase_control: found control 7, which MIDI gives another meaning"),
        ("{phase_control: 3, latent_controls: {3: 1}}", "control 3, which moves the phases (phase_control)"),
        ("{phase_control: 20, latent_controls: {20: 1}}", "choose another number, or set phase_control: null"),
        ("latent_controls: {200: 1}", "at latent_controls; expected `int` <= 127"),
        ("box: {led: 17}", "unknown key 'led' at box; expected a key that exists; did you mean"),
        ("box: {led_pin: 28}", "found 28 at box.led_pin; expected `int` <= 27"),
        ("box: {led_pin: 3, shutdown_pin: 3}", ", box: found pin 3 for the lamp and for the button; expected two pins"),
        ("audio: {chime: loud}", "found `str` at audio.chime"),
        ("voice: [", "line 1"),
        ("voyce: {}", "did you mean 'voice'?"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_knob_may_take_the_number_of_a_phase_control_that_is_off(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("{phase_control: null, latent_controls: {3: 1}}")
    assert load_config(path).latent_controls == {3: 1}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: found no such file"):
        load_config(tmp_path / "none.yaml")
