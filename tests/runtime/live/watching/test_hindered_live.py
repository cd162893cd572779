"""The real program copes with too little time, and with sound that is not finite."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.places import ROOT
from tests.support.rig import PERIOD_FRAMES, PLAYED_S, SAMPLE_RATE_HZ, JackServer, LiveProgram, Player, wait_until
from tests.support.rig_stalls import MachineStalls

pytestmark = pytest.mark.rig

TINY = ROOT / "tests" / "data" / "tiny.onnx"
BACK_S = 5.0
# At most this many periods may be lost, in addition to one for each stall that MachineStalls counts. In a run of a
# minute or longer, it is one period in a thousand; in a shorter run, one in a hundred. It is not 0, because other tests
# run at the same time, and some stalls are not counted. If no voices were shed, a third of the periods would be lost.
MOST_LOST = (0.001 if PLAYED_S >= 60.0 else 0.01) * PLAYED_S * SAMPLE_RATE_HZ / PERIOD_FRAMES
# PER_VOICE: the extra time of each voice, as a share of a block's duration. 16 voices take about 1.5 such durations.
N_VOICES, PER_VOICE = 16, "0.09"


def hindered_program(server: JackServer, folder: Path, hindrance: str) -> LiveProgram:
    config = {
        "audio": {"host_api": "JACK", "device": "system", "buffer_frames": PERIOD_FRAMES},
        "midi": {"api": "UNIX_JACK", "virtual_port": "in"},
    }
    path = folder / "rig.yaml"
    path.write_text(yaml.safe_dump(config))
    arguments = ["--config", path, "--instrument", TINY]
    return LiveProgram(arguments, server.env | {"HINDRANCE": hindrance}, module="tests.support.hindered_play")


def lost_periods(server: JackServer) -> int:
    """Periods that ended before the program's audio had finished."""
    return server.n_unfinished("PortAudio", "Running")


def test_overload_sheds_voices_says_so_and_all_are_back_when_there_is_room(
    jack_server: JackServer, tmp_path: Path
) -> None:
    before = lost_periods(jack_server)
    with (
        hindered_program(jack_server, tmp_path, PER_VOICE) as program,
        Player(jack_server, "timbrebox:in", ()) as player,
    ):
        with MachineStalls(PERIOD_FRAMES / SAMPLE_RATE_HZ / 3.0) as machine:
            player.send(*([0x90, note, 90] for note in range(50, 50 + N_VOICES)))
            player.record(1.0)
            program.send(signal.SIGUSR1)
            end_s, number = time.monotonic() + PLAYED_S, 0
            while time.monotonic() < end_s:  # a new note each second keeps the number of voices at the limit
                player.record(1.0)
                note = 50 + number % N_VOICES
                player.send([0x80, note, 0], [0x90, note, 90])
                number += 1
        n_lost = lost_periods(jack_server) - before
        n_waited = jack_server.n_unfinished("PortAudio", "Triggered")
        said = [line for line in program.lines if "Too much for this machine" in line]
        assert 1 <= len(said) <= 4, said
        assert 2 <= int(re.search(r"(\d+) of 16 voices", said[0])[1]) < N_VOICES
        program.send(signal.SIGUSR2)
        room_s = time.monotonic()
        wait_until(lambda: any("all 16 voices" in line for line in program.lines), "room", lambda: program.lines)
        back_s = time.monotonic() - room_s
        program.stop()
        figures = program.lines[-1]
    print(f"lost {n_lost} periods ({n_waited} more were others') of {PLAYED_S:.0f} s, {len(machine.stalls)} stalls")
    print(f"back {back_s:.1f} s; {said} {figures}")
    assert n_lost <= MOST_LOST + len(machine.stalls)
    assert back_s < BACK_S


def test_a_machine_that_stalls_takes_no_voice_away(jack_server: JackServer, tmp_path: Path) -> None:
    with (
        hindered_program(jack_server, tmp_path, "stalls") as program,
        Player(jack_server, "timbrebox:in", ()) as player,
    ):
        player.send(*([0x90, note, 90] for note in range(50, 50 + N_VOICES)))
        program.send(signal.SIGUSR1)
        assert "larger blocks (--buffer)" in program.wait_for("The machine stalled")
        player.record(3.0)
        program.send(signal.SIGUSR2)
        assert program.stop() == 0
    assert not [line for line in program.lines if "Too much" in line]
    assert sum("The machine stalled" in line for line in program.lines) == 1
    said = r"(\d+) late blocks, (\d+) of them because the machine stalled"
    n_late, n_stalled = re.search(said, program.lines[-1]).groups()
    assert int(n_late) >= int(n_stalled) >= 5


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_sound_that_is_not_finite_is_said_and_it_plays_on(jack_server: JackServer, tmp_path: Path, number: str) -> None:
    with (
        hindered_program(jack_server, tmp_path, number) as program,
        Player(jack_server, "timbrebox:in", ("PortAudio:out_0", "PortAudio:out_1")) as player,
    ):
        player.send([0xB0, 91, 127], [0x90, 60, 100])  # the reverb would keep a NaN for ever
        player.record(0.3)
        assert np.abs(player.record(0.3)).max() > 0.01
        program.send(signal.SIGUSR1)
        assert np.isfinite(player.record(2.0)).all()
        assert "tiny" in program.wait_for("not finite")
        player.send([0x90, 64, 100])
        player.record(0.3)
        assert np.abs(player.record(0.3)).max() > 0.01
        assert program.stop() == 0
        assert sum("not finite" in line for line in program.lines) == 1
        assert program.errors == ""


def test_a_card_that_is_soon_back_plays_soon(jack_server: JackServer, tmp_path: Path) -> None:
    with hindered_program(jack_server, tmp_path, "unplugged") as program:
        for number in range(1, 4):
            program.send(signal.SIGUSR1)
            wait_until(lambda: _count(program, "Sound card gone") == number, "a card that has gone")  # noqa: B023
            gone_s = time.monotonic()
            wait_until(lambda: _count(program, "Sound card: JACK") == number, "a card")  # noqa: B023
            assert time.monotonic() - gone_s < 0.9  # not only at the program's next full check, up to 2 s later
            time.sleep(0.3 * number)


def _count(program: LiveProgram, words: str) -> int:
    return sum(words in line for line in list(program.lines))
