"""The frame store is read back as written, and a failed write leaves no new files."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.acoustics.spectrum import StftSpec
from runtime.base.errors import UserError
from tests.support.places import ROOT
from training.corpus.frames import INDEX, LABELS, MAGNITUDES, NO_NOTE, Clip, FrameStore, FrameWriter

SPEC = StftSpec(44100, 64, 16)


def frames(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, SPEC.n_bins), np.float32)


def write(folder: Path, force: bool = False, seed: int = 0, note: int | None = 61, split: str = "val") -> FrameStore:
    with FrameWriter(folder, SPEC, {"kind": "test", "licence": "CC0"}, force) as writer:
        writer.add(frames(5, seed), Clip("a", "train", 60))
        writer.add(frames(3, seed + 1), Clip("b", split, note))
        writer.add(frames(2, seed + 2), Clip("c", "test", None, "somewhere", "CC-BY"))
    return FrameStore.open(folder)


def test_a_written_store_is_read_again(tmp_path: Path) -> None:
    store = write(tmp_path / "store")
    np.testing.assert_array_equal(store.magnitudes, np.concatenate([frames(5, 0), frames(3, 1), frames(2, 2)]))
    assert store.note.tolist() == [60] * 5 + [61] * 3 + [NO_NOTE] * 2
    assert store.clip.tolist() == [0] * 5 + [1] * 3 + [2] * 2
    assert [store.rows(split).tolist() for split in ("train", "val", "test")] == [[0, 1, 2, 3, 4], [5, 6, 7], [8, 9]]
    assert store.clips[2] == Clip("c", "test", None, "somewhere", "CC-BY")
    assert (store.spec, store.about) == (SPEC, {"kind": "test", "licence": "CC0"})
    with pytest.raises(ValueError, match="read-only"):
        store.magnitudes[0] = 0.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), max_size=12))
def test_rewinding_removes_one_clip_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    folder = tmp_path_factory.mktemp("rewind") / "store"
    expected = [frames(1, 99)]
    with FrameWriter(folder, SPEC, {}) as writer:
        writer.add(expected[0], Clip("first", "train"))
        for seed, (n, in_two_parts, broken) in enumerate(steps):
            mark, clip, data = writer.mark(), Clip(f"clip {seed}", "train"), frames(n, seed)
            for part in (data[: n // 2], data[n // 2 :]) if in_two_parts else (data,):
                writer.add(part, clip)
            if broken:
                writer.rewind(mark)
            else:
                expected.append(data)
    store = FrameStore.open(folder)
    np.testing.assert_array_equal(store.magnitudes, np.concatenate(expected))
    lengths = [len(block) for block in expected if len(block)]
    assert np.bincount(store.clip).tolist() == lengths
    plain = folder.with_name("plain")
    with FrameWriter(plain, SPEC, {}) as writer:
        for index, block in enumerate(expected):
            writer.add(block, Clip(f"other name {index}", "train"))
    assert FrameStore.open(plain).fingerprint() == store.fingerprint()


def test_fingerprint_follows_frames_and_labels_only(tmp_path: Path) -> None:
    same = [write(tmp_path / name).fingerprint() for name in ("one", "two")]
    assert same[0] == same[1]
    changed = [
        write(tmp_path / "frames", seed=7),
        write(tmp_path / "note", note=62),
        write(tmp_path / "split", split="train"),
    ]
    assert len({same[0], *(store.fingerprint() for store in changed)}) == 4


def test_a_failed_write_leaves_the_old_store_and_no_other_files(tmp_path: Path) -> None:
    before = write(tmp_path / "store").fingerprint()

    def break_off() -> None:
        with FrameWriter(tmp_path / "store", SPEC, {}, force=True) as writer:
            writer.add(frames(4), Clip("new", "train"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert FrameStore.open(tmp_path / "store").fingerprint() == before
    assert os.listdir(tmp_path) == ["store"]


def test_a_store_is_replaced_only_with_force_and_other_folders_never(tmp_path: Path) -> None:
    old = write(tmp_path / "store").fingerprint()
    with pytest.raises(UserError, match="--force"):
        write(tmp_path / "store", seed=5)
    assert write(tmp_path / "store", force=True, seed=5).fingerprint() != old
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.wav").write_bytes(b"precious")
    with pytest.raises(UserError, match="other things"):
        write(tmp_path / "music", force=True)
    assert (tmp_path / "music" / "song.wav").read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["music", "store"]


def test_no_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no audible frame"), FrameWriter(tmp_path / "store", SPEC, {}) as writer:
        assert writer.add(frames(0), Clip("silence", "train")) == 0
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    def fill() -> None:
        with FrameWriter(tmp_path / "store", SPEC, {}) as writer:
            for seed in range(200):
                writer.add(frames(10, seed), Clip(str(seed), "train"))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # from now on, no file can grow beyond 20 kB
    try:
        with pytest.raises(UserError, match="room to write"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


def test_a_killed_run_does_not_prevent_the_next_one(tmp_path: Path) -> None:
    script = f"""
import os, numpy as np
from runtime.acoustics.spectrum import StftSpec
from training.corpus.frames import Clip, FrameWriter
with FrameWriter({str(tmp_path / "store")!r}, StftSpec(44100, 64, 16), {{}}) as writer:
    writer.add(np.ones((1000, 33), np.float32), Clip("x", "train"))
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "store").exists()
    assert len(write(tmp_path / "store").magnitudes) == 10
    assert os.listdir(tmp_path) == ["store"]


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "store", SPEC, {}) as first:
        first.add(frames(4), Clip("x", "train"))
        with pytest.raises(UserError, match="another run"):
            write(tmp_path / "store")
    assert len(FrameStore.open(tmp_path / "store").magnitudes) == 4


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: cut(folder / MAGNITUDES), "bytes"),
        (lambda folder: cut(folder / LABELS), "damaged"),
        (lambda folder: cut(folder / INDEX), "broken JSON"),
        (lambda folder: (folder / LABELS).unlink(), "damaged"),
        (lambda folder: (folder / INDEX).unlink(), "no frames"),
        (lambda folder: (folder / INDEX).write_text('{"version": 9}'), "version 9"),
        (lambda folder: (folder / INDEX).write_text('{"version": 1}'), "no key"),
        (
            lambda folder: (folder / INDEX).write_text((folder / INDEX).read_text().replace('"val"', '"valley"')),
            "valley",
        ),
        (lambda folder: folder.rename(folder.with_name("moved")), "no such folder"),
    ],
)
def test_a_damaged_store_is_refused(tmp_path: Path, damage, message: str) -> None:
    write(tmp_path / "store")
    damage(tmp_path / "store")
    with pytest.raises(UserError, match=message):
        FrameStore.open(tmp_path / "store")
