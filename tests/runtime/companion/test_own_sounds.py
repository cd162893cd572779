"""The user's own sounds are saved, restored, exported, imported and numbered in banks."""

from __future__ import annotations

import base64
import errno
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from runtime.base.errors import UserError
from runtime.companion.sounds import operations, package, trash
from runtime.companion.sounds.trash import Entry
from runtime.sound.file import load_sound, save_sound
from runtime.sound.own import own_sound, own_sound_at, sounds_folder, user_sounds
from runtime.sound.sound import Sound
from runtime.sound.trajectory.packing import pack
from runtime.sound.trajectory.use import SoundTrajectory, read_trajectories
from tests.support.trajectories import random_trajectory

INLINE = base64.b64encode(pack(random_trajectory())).decode()
SOFT, LOUD = Sound(level_db=-12.0), Sound(level_db=3.0)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    return tmp_path / "timbrebox"


def sounds() -> dict[str, float | None]:
    """The `level_db` of each of the user's sounds, by the sound's name; None if the sound sets none."""
    return {name: known.read().level_db for name, known in user_sounds().items()}


def test_a_sound_is_saved_under_its_name_or_a_new_one() -> None:
    assert operations.save("my 1/2", SOFT, None).path == sounds_folder() / "my 1%2F2.yaml"
    assert load_sound(sounds_folder() / "my 1%2F2.yaml") == Sound(name="my 1/2", level_db=-12.0)
    operations.save("Sound 6", LOUD, None)
    assert operations.save(None, LOUD, None).name == "Sound 7"
    assert sounds() == {"my 1/2": -12.0, "Sound 6": 3.0, "Sound 7": 3.0}


def test_undo_brings_deletions_renames_and_overwritten_sounds_back_one_after_the_other() -> None:
    operations.save("a", SOFT, None)
    operations.save("a", LOUD, None)
    operations.rename("a", "b")
    operations.copy("b", "c")
    operations.delete("b")
    assert sounds() == {"c": 3.0}
    steps = [{"b": 3.0, "c": 3.0}, {"a": 3.0, "c": 3.0}, {"a": -12.0, "c": 3.0}]
    for step in steps:
        operations.undo()
        assert sounds() == step
    with pytest.raises(UserError, match="nothing to take back"):
        operations.undo()


def test_undo_never_loses_a_sound_that_came_since() -> None:
    operations.save("a", SOFT, None)
    operations.delete("a")
    operations.save("a", LOUD, None)
    assert operations.undo() == "a is back, as a 2: another sound has its name."
    assert sounds() == {"a": 3.0, "a 2": -12.0}
    operations.rename("a", "b")
    operations.save("a", SOFT, None)
    with pytest.raises(UserError, match="another sound named 'a'"):
        operations.undo()
    assert sounds() == {"a": -12.0, "a 2": -12.0, "b": 3.0}


def test_what_a_kill_left_half_done_is_passed_over() -> None:
    operations.save("a", SOFT, None)
    operations.save("b", LOUD, None)
    operations.delete("b")
    # If the program is killed, the trash may hold entries of changes that were never made.
    trash.put(Entry("delete", "a"), own_sound("a").source.read_bytes())
    trash.put(Entry("overwrite", "a"), own_sound("a").source.read_bytes())
    trash.put(Entry("rename", "a", "z"))
    (trash.trash_folder() / ".00000099.part").mkdir()
    (trash.trash_folder() / "00000077").mkdir()
    assert operations.undo() == "b is back."
    assert sounds() == {"a": -12.0, "b": 3.0}


def test_the_trash_forgets_the_oldest() -> None:
    for number in range(trash.MOST_ENTRIES + 5):
        trash.put(Entry("delete", f"s{number}"), b"pan: 0.5")
    assert len(list(trash.trash_folder().iterdir())) == trash.MOST_ENTRIES
    operations.undo()
    assert list(sounds()) == [f"s{trash.MOST_ENTRIES + 4}"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: operations.rename("a", "b"), "which a sound of yours has"),
        (lambda: operations.copy("a", "b"), "which a sound of yours has"),
        (lambda: operations.rename("aa", "c"), "did you mean 'a'"),
        (lambda: operations.delete("aa"), "did you mean 'a'"),
        (lambda: operations.save("", SOFT, None), "an empty name"),
        (lambda: operations.save_tree("c", {"pan": 7}, None), "pan"),
        (lambda: operations.rename("a", "x.yaml"), "not taken for a file's"),
    ],
)
def test_a_mistake_changes_nothing(wrong: object, said: str) -> None:
    operations.save("a", SOFT, None)
    operations.save("b", LOUD, None)
    with pytest.raises(UserError, match=said):
        wrong()
    assert sounds() == {"a": -12.0, "b": 3.0}
    with pytest.raises(UserError, match="nothing to take back"):
        operations.undo()


def test_a_folder_that_cannot_be_written_is_one_mistake(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.write_text("no folder")
    with pytest.raises(UserError, match="a writable place with room"):
        operations.save("a", SOFT, None)
    data.unlink()
    operations.save("a", SOFT, None)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for change in (
        lambda: operations.save("a", LOUD, None),
        lambda: operations.delete("a"),
        lambda: operations.rename("a", "b"),
    ):
        with pytest.raises(UserError, match="No space left"):
            change()
    assert sounds() == {"a": -12.0}


def test_own_sounds_stand_in_the_order_of_the_alphabet_128_a_bank() -> None:
    sounds_folder().mkdir(parents=True)
    for number in range(130):
        save_sound(sounds_folder() / f"s{number:03d}.yaml", SOFT)
    save_sound(sounds_folder() / "B.yaml", LOUD)
    save_sound(sounds_folder() / "a.yaml", SOFT)
    (sounds_folder() / "c.yaml").write_text("pan: 7")
    places = {name: (known.bank, known.program) for name, known in user_sounds().items()}
    assert [places[name] for name in ("a", "B", "c", "s000", "s124", "s125")] == [
        (1, 0), (1, 1), (1, 2), (1, 3), (1, 127), (2, 0),
    ]  # fmt: skip
    assert own_sound_at(2 * 128).name == "s125"
    with pytest.raises(UserError, match="program 99 of bank 2"):
        own_sound_at(2 * 128 + 99)


def sound_with_file(folder: Path) -> Sound:
    """A sound with one trajectory inline, and one in a file that is written into this folder."""
    folder.mkdir(exist_ok=True)
    (folder / "way.trajectory").write_bytes(pack(random_trajectory()))
    return Sound(trajectory=[SoundTrajectory(file="way.trajectory", key=40), SoundTrajectory(inline=INLINE, key=60)])


def take_in(path: Path) -> operations.Saved:
    found = package.unpack(path)
    return operations.add("mailed", found.sound, found.trajectories)


def values(sound: Sound, folder: Path) -> list[np.ndarray]:
    return [played.trajectory.latents for played in read_trajectories(sound.trajectory, folder, "test")]


def test_the_files_of_trajectories_come_along(tmp_path: Path) -> None:
    sound = sound_with_file(tmp_path / "elsewhere")
    operations.save("a", sound, tmp_path / "elsewhere")
    operations.copy("a", "b")
    operations.rename("a", "c")
    operations.delete("b")
    np.testing.assert_array_equal(values(own_sound("c").read(), sounds_folder()), values(sound, tmp_path / "elsewhere"))
    with pytest.raises(UserError, match="no such file"):
        operations.save("d", sound, tmp_path)
    assert list(sounds()) == ["c"]


@pytest.mark.parametrize("suffix", [".timbrebox", ".yaml"])
def test_a_mailed_sound_is_the_same_sound(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elsewhere"
    sound = sound_with_file(folder)
    path = folder / f"mailed{suffix}"
    if suffix == ".yaml":
        save_sound(path, sound)
    else:
        package.pack(path, sound, folder, {})
        first = path.read_bytes()
        package.pack(path, sound, folder, {})
        assert path.read_bytes() == first
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "of someone else"))
    assert take_in(path).name == "mailed"
    assert take_in(path).replaced
    assert operations.add("mailed", SOFT, {}).name == "mailed 2"
    assert list(user_sounds()) == ["mailed", "mailed 2"]
    np.testing.assert_array_equal(values(own_sound("mailed").read(), sounds_folder()), values(sound, folder))


def test_a_sound_that_is_there_is_not_added_again_even_if_its_name_changed() -> None:
    operations.save("a", LOUD, None)
    operations.rename("a", "b")
    assert operations.add("b", LOUD, {}).replaced
    names = [(operations.add("b", SOFT, {}).name, sorted(user_sounds())) for _ in range(2)]
    assert names == [("b 2", ["b", "b 2"])] * 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no sound.yaml"),
        ({"sound.yaml": b"pan: 7"}, "sound.yaml: found 7"),
        ({"sound.yaml": b"pan: 0", "../../evil.onnx": b""}, "evil"),
        ({"sound.yaml": b"pan: 0", "run.sh": b""}, "run.sh"),
        ({"sound.yaml": b"#" * 10**6}, "more than 262,144 bytes"),
        ({f"{n}.trajectory": b"" for n in range(20)}, "20 files"),
        ({"sound.yaml": b"trajectory: {file: a.trajectory}", "a.trajectory": b"x"}, "no trajectory"),
    ],
)
def test_a_package_from_a_stranger_does_no_harm(files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.timbrebox"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=said):
        take_in(path)
    assert sounds() == {}


def test_a_damaged_package_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.timbrebox"
    package.pack(path, SOFT, None, {})
    content = path.read_bytes()
    for damaged in (content[:40], content[:-30], b"PK" + bytes(500)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="a damaged file"):
            package.unpack(path)
