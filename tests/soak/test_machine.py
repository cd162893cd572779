"""The parts of the emulated machines' rig that can be tested without such a machine."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.soak.machine import PATIENCE_S, Rig, add_row
from tests.support.machine.compared import difference
from tests.support.machine.music import piece
from tests.support.machine.plugs import Ear
from tests.support.machine.qemu import Answer

HEAD = bytes(44)


class DeafMachine:
    """Stands in for an emulated machine; its service never plays a note, and its clock goes on only in `rest`."""

    def __init__(self, sound: Path, n_voices: int):
        self.sound, self._n_voices, self._now_s = sound, n_voices, 0.0

    def run(self, *_: object) -> tuple[int, str]:
        return 0, ""

    def write(self, *_: object) -> bool:
        return True

    def plug_card(self) -> None:
        """Does nothing: no step that is tested here plugs or unplugs a card."""

    unplug_card = plug_card

    def rest(self, seconds: float) -> None:
        self._now_s += seconds

    def now_s(self) -> float:
        return self._now_s

    def begin_return(self, *_: object) -> Answer:
        answer = Answer({})
        answer.put({"status": 0, "text": '{"there_s": 1.0, "played_s": 1.1}'})
        return answer

    def ask(self, method: str, **_: object) -> dict[str, object]:
        assert method != "state", "the service is gone"
        return {"voices": self._n_voices}

    def service(self) -> dict[str, str]:
        return {"ActiveState": "active"}

    def journal(self, _: int) -> str:
        return "the journal"


@pytest.mark.parametrize(
    ("n_voices", "missing"), [(3, "end of all voices before a key"), (0, "sound of the struck key")]
)
def test_a_wait_in_vain_says_what_did_not_come(tmp_path: Path, n_voices: int, missing: str) -> None:
    rig = Rig(DeafMachine(tmp_path / "sound.wav", n_voices))
    with pytest.raises(AssertionError, match=f"no {missing}.*waited {PATIENCE_S:.0f} s; heard: 0.0000") as failure:
        rig.first_keyboard()
    for part in (f"'voices': {n_voices}", "ports: not known, the service is gone", "journal: the journal"):
        assert part in str(failure.value)


def test_a_request_without_an_answer_is_named() -> None:
    with pytest.raises(TimeoutError, match="rest_s"):
        Answer({"rest_s": 3}).get(0.01)


def test_a_step_that_fails_is_the_last_row() -> None:
    def fails() -> str:
        raise AssertionError("no sound | at all\nmore")

    rows: list[str] = []
    add_row(rows, "plays", lambda: "heard")
    with pytest.raises(AssertionError):
        add_row(rows, "plays on", fails)
    assert rows == ["| plays | heard |", "| plays on | **failed**: AssertionError: no sound   at all |"]


def test_the_ear_hears_what_is_new_and_a_new_file_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    ear = Ear(path)
    assert ear.listen() == 0.0
    path.write_bytes(HEAD + np.full(800, -16384, "<i2").tobytes())
    assert ear.listen() == pytest.approx(0.5)
    assert ear.listen() == 0.0
    with open(path, "ab") as stream:
        stream.write(np.full(3, 8192, "<i2").tobytes())  # one frame of stereo, and half of the next
    assert ear.listen() == pytest.approx(0.25)
    path.write_bytes(HEAD + np.full(20, 4096, "<i2").tobytes())  # another card
    assert ear.listen() == pytest.approx(0.125)
    longer = np.concatenate([np.full(20, 16384, "<i2"), np.zeros(2000, "<i2")])  # a third card has played for longer
    path.write_bytes(HEAD + longer.tobytes())
    assert ear.listen() == pytest.approx(0.5)
    assert ear.listen() == 0.0


def test_two_sounds_are_compared_sample_by_sample() -> None:
    tone = np.round(10000 * np.sin(np.arange(8000) / 10)).astype("<i2")
    other = tone.copy()
    other[:80] += 1
    apart = difference(_wav(tone), _wav(other))
    assert (apart.n_samples, apart.n_different, apart.largest) == (8000, 80, 1)
    assert apart.below_db == pytest.approx(10 * np.log10(5e7 / 0.01), abs=0.1)
    assert str(difference(_wav(tone), _wav(tone))) == "all 8,000 samples are equal"
    with pytest.raises(AssertionError):
        difference(_wav(tone), _wav(tone[:-2]))
    with pytest.raises(AssertionError, match="silent"):
        difference(_wav(tone * 0), _wav(tone * 0))


def test_every_note_of_the_piece_ends() -> None:
    held: list[int] = []
    for message in piece():
        if message.type == "note_on":
            held.append(message.note)
        elif message.type == "note_off":
            held.remove(message.note)
    assert held == []
    assert piece().length == 4.0


def _wav(samples: np.ndarray) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        sound.writeframes(samples.tobytes())
    return stream.getvalue()
