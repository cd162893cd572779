"""A sound's YAML holds a trajectory as lists of values, holds it packed, or names the trajectory's file."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from runtime.base.checked_yaml import checked
from runtime.base.errors import UserError
from runtime.sound.trajectory.packing import pack, save_trajectory
from runtime.sound.trajectory.use import SoundTrajectories, SoundTrajectory, WrittenTrajectory, read_trajectories
from tests.support.places import ROOT
from tests.support.trajectories import random_trajectory

BASE64 = base64.b64encode(pack(random_trajectory())).decode()
PAGE = (ROOT / "docs" / "sound.md").read_text(encoding="utf-8").partition("\n## Trajectories\n")[2]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trajectory: SoundTrajectory | SoundTrajectories | None = None


def read(tree: Any, folder: Path | None = None) -> Any:
    return read_trajectories(checked({"trajectory": tree}, Part, "mine.yaml").trajectory, folder, "mine.yaml")


def test_a_written_trajectory_has_its_points_on_straight_lines() -> None:
    (played,) = read(
        {
            "inline": {
                "step_s": 0.5,
                "latents": {"a": [0.0, 0.2, -0.1], "b": [0.5]},
                "level_db": [-20, 0, -10],
                "loop_s": [0.5, 1.0],
            },
            "motion": 0.5,
        }
    )
    trajectory = played.trajectory
    assert (played.motion, played.colour, played.speed, played.start) == (0.5, 1.0, 1.0, None)
    assert trajectory.knobs == ("a", "b")
    assert np.allclose(trajectory.latents, [[0.0, 0.5], [0.2, 0.5], [-0.1, 0.5]])
    assert not trajectory.colour_db.any()
    assert len(trajectory.level_db) == 201
    assert np.allclose(trajectory.level_db[[0, 50, 100, 150, 200]], [-20, -10, 0, -5, -10])
    assert trajectory.loop_s == (0.5, 1.0)


def test_a_written_level_can_have_a_step_of_its_own() -> None:
    inline = {"step_s": 1, "latents": {"a": [0, 1]}, "level_db": [-20, 0, -10], "level_step_s": 0.01}
    assert np.allclose(read({"inline": inline})[0].trajectory.level_db, [-20, -10, 0, -5, -10])


def test_a_colour_is_written_as_40_gains() -> None:
    bands = [float(band) for band in range(40)]
    assert np.array_equal(read({"inline": {"step_s": 1, "colour_db": [bands]}})[0].trajectory.colour_db, [bands])


def test_packed_and_filed_trajectories_are_the_same(tmp_path: Path) -> None:
    save_trajectory(tmp_path / "deep" / "a.trajectory", random_trajectory())
    (filed,) = read({"file": "deep/a.trajectory", "direction": "backward"}, tmp_path)
    (packed,) = read({"inline": BASE64[:100] + "\n  " + BASE64[100:]})
    assert filed.direction == "backward"
    assert pack(filed.trajectory) == pack(packed.trajectory)


def test_a_sound_writes_only_what_it_says() -> None:
    tree = [{"inline": BASE64, "key": 40}, {"inline": {"step_s": 0.1, "latents": {"a": [0.5]}}, "key": 60}]
    assert msgspec.to_builtins(checked({"trajectory": tree}, Part, "x"))["trajectory"] == tree


def test_without_a_trajectory_there_is_none() -> None:
    assert read(None) == ()


NUMBERS = {"step_s": 0.1, "latents": {"a": [0.0, 1.0]}}


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({}, "mine.yaml, trajectory: found neither file nor inline; expected one of them"),
        ({"file": "a", "inline": BASE64}, "found both file and inline"),
        ({"file": "/etc/passwd"}, "trajectory.file: found '/etc/passwd'; expected a path inside the folder"),
        ({"file": "a/../../b"}, "trajectory.file: found 'a/../../b'; expected a path inside the folder"),
        ({"file": "a\0"}, r"found 'a\x00'; expected a path"),
        ({"file": "none.trajectory"}, "none.trajectory: found no such file; expected a trajectory"),
        ({"file": ""}, "found '' at trajectory.file"),
        ({"inline": "%%%"}, "mine.yaml, trajectory.inline: found no base64"),
        ({"inline": "ü"}, "mine.yaml, trajectory.inline: found no base64"),
        ({"inline": ""}, "mine.yaml, trajectory.inline: found no trajectory"),
        ({"inline": BASE64[:-8]}, "found a trajectory that ends too early"),
        ({"inline": {}}, "found no key 'step_s' at trajectory.inline"),
        ({"inline": {"step_s": 0}}, "found 0 at trajectory.inline.step_s; expected `float` >= 0.005"),
        ({"inline": {"step_s": float("nan")}}, "found nan at trajectory.inline.step_s"),
        ({"inline": {**NUMBERS, "colour_db": [[0.0] * 39]}}, "expected `array` of length >= 40"),
        ({"inline": {**NUMBERS, "latents": {"a": [0, 2]}}}, "expected `float` <= 1.0"),
        ({"inline": {**NUMBERS, "latents": {"a": [0, 1], "b": [0, 0.5, 1]}}}, "a: found 2 points; expected 1 or 3"),
        ({"inline": {**NUMBERS, "colour_db": [[0.0] * 40] * 3}}, "inline, a: found 2 points; expected 1 or 3"),
        ({"inline": {**NUMBERS, "latents": {"a": [-0.5, 1]}, "replaces_knobs": True}}, "latents: found -0.5"),
        ({"inline": {"step_s": 10, "latents": {"a": [0] * 8}}}, "inline: found 70.0 s; expected at most 60 s"),
        ({"inline": {**NUMBERS, "level_db": [0] * 9, "level_step_s": 10}}, "inline: found 80.0 s; expected at most"),
        ({"inline": {**NUMBERS, "loop_s": [0.08, 0.02]}}, "loop_s: found a loop from 0.08 to 0.02 s"),
        ({"inline": {**NUMBERS, "loop_s": [0.0, 0.2]}}, "the end of the loop at 0.2 s and the end at 0.1 s"),
        ({"inline": {**NUMBERS, "level": []}}, "unknown key 'level' at trajectory.inline"),
        ({"inline": BASE64, "colour": 1.1}, "found 1.1 at trajectory.colour; expected `float` <= 1.0"),
        ({"inline": BASE64, "motion": 2.1}, "found 2.1 at trajectory.motion; expected `float` <= 2.0"),
        ({"inline": BASE64, "speed": 0.04}, "found 0.04 at trajectory.speed; expected `float` >= 0.05"),
        ({"inline": BASE64, "speed": 21}, "found 21 at trajectory.speed"),
        ({"inline": BASE64, "start": 1.1}, "found 1.1 at trajectory.start"),
        ({"inline": BASE64, "direction": "up"}, "found 'up' at trajectory.direction"),
        ({"inline": BASE64, "key": 128}, "found 128 at trajectory.key"),
        ({"inline": BASE64, "velocity": 0}, "found 0 at trajectory.velocity"),
        ({"inline": BASE64, "speeed": 2}, "unknown key 'speeed' at trajectory; expected a key that exists; did you"),
        ([], "expected `array` of length >= 1"),
        ([{"inline": BASE64, "key": key} for key in range(5)], "expected `array` of length <= 4"),
        ([{"inline": BASE64, "key": 1}, {"inline": BASE64}], "1 of 2 with a key; expected a key in each or in none"),
        ([{"inline": BASE64, "key": 0}] * 2, "trajectory: found several for key 0; expected another key or velocity"),
        ([{"inline": BASE64}] * 2, "trajectory: found several without a key or a velocity"),
        ([{"inline": BASE64, "key": 1}, {"inline": "", "key": 2}], "trajectory[1].inline: found no trajectory"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, tree: Any, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tree, tmp_path)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_sound_without_a_file_has_no_files() -> None:
    with pytest.raises(UserError, match="expected a sound that is a file itself; use inline"):
        read({"file": "a.trajectory"})


def test_the_example_of_the_page_is_a_trajectory() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (played,) = read(yaml.safe_load(example)["trajectory"])
    assert played.trajectory.loop_s is not None


def test_the_tables_of_the_page_have_every_field() -> None:
    rows = {line.split("|")[1].strip().strip("`") for line in PAGE.splitlines() if line.startswith("| `")}
    written = {f"inline.{name}" for name in WrittenTrajectory.__struct_fields__}
    assert rows == {f"trajectory.{name}" for name in SoundTrajectory.__struct_fields__} | written
