"""The doctor examines made-up machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import Config
from runtime.doctor.devices import _holders, holders
from runtime.doctor.disk import check_disk
from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given
from runtime.doctor.machine import check_memory, check_power, check_processor, check_system
from runtime.doctor.playing import check_network, sockets
from runtime.doctor.speed import _judged
from tests.support.made_machine import MadeMachine

CPU = "sys/devices/system/cpu/cpu0/cpufreq"


@pytest.fixture
def machine(tmp_path: Path) -> MadeMachine:
    return MadeMachine(tmp_path)


def given(machine: MadeMachine, **playing: object) -> Given:
    return Given(Config(), root=machine.root, playing=playing or None)


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_the_system_has_its_name(machine: MadeMachine) -> None:
    machine.write("etc/os-release", 'ID=raspbian\nPRETTY_NAME="Raspberry Pi OS"')
    machine.write("proc/device-tree/model", "Raspberry Pi 4 Model B\0")
    found = only(check_system(given(machine)))
    assert found.verdict == GOOD
    assert found.says.startswith("Raspberry Pi OS, Raspberry Pi 4 Model B, 64-bit (")


@pytest.mark.parametrize(
    ("governor", "driver", "verdict"),
    [
        ("ondemand", "cpufreq-dt", MEND),
        ("powersave", "cpufreq-dt", MEND),
        ("powersave", "intel_pstate", GOOD),
        ("performance", "cpufreq-dt", GOOD),
        ("schedutil", "cpufreq-dt", GOOD),
    ],
)
def test_a_slow_governor_is_to_mend(machine: MadeMachine, governor: str, driver: str, verdict: str) -> None:
    machine.write(f"{CPU}/scaling_governor", governor)
    machine.write(f"{CPU}/scaling_driver", driver)
    found = only(check_processor(given(machine)))
    assert found.verdict == verdict
    assert governor in found.says
    assert ("scaling_governor" in found.mend) == (verdict == MEND)


def test_a_busy_processor_is_to_mend(machine: MadeMachine) -> None:
    machine.write("proc/loadavg", "99.50 3.00 1.00 2/300 999")
    assert "busy" in only(check_processor(given(machine))).says
    machine.write("proc/loadavg", "0.10 3.00 1.00 2/300 999")
    assert only(check_processor(given(machine))).verdict == GOOD


@pytest.mark.parametrize(("free_mb", "verdict"), [(100, BAD), (200, MEND), (900, GOOD)])
def test_little_memory(machine: MadeMachine, free_mb: int, verdict: str) -> None:
    machine.write("proc/meminfo", f"MemTotal:  1024000 kB\nMemAvailable:   {free_mb * 1024} kB")
    assert only(check_memory(given(machine))).verdict == verdict


def test_the_disk_s_line_names_the_folders_and_on_a_box_also_the_service_s(
    machine: MadeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = machine.root / "own"
    for variable in ("XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(own / variable))
    mine = f"and these can be written: {own}/XDG_STATE_HOME/timbrebox, {own}/XDG_DATA_HOME/timbrebox"
    assert only(check_disk(given(machine))).says.endswith(mine)
    service = machine.root / "var" / "lib" / "timbrebox"
    service.mkdir(parents=True)
    first, second = check_disk(given(machine))
    assert first.says.endswith(mine)
    assert second.says.endswith(f" GB free for the service, in {service}")
    monkeypatch.setenv("STATE_DIRECTORY", str(service))  # as systemd sets it for the service itself
    assert only(check_disk(given(machine))).says.endswith(f"and these can be written: {service}")


@pytest.mark.parametrize(("bad_below_mb", "verdict", "words"), [(20, MEND, "minutes of"), (10**12, BAD, "nothing can")])
def test_a_full_disk_is_named(
    machine: MadeMachine, monkeypatch: pytest.MonkeyPatch, bad_below_mb: int, verdict: str, words: str
) -> None:
    monkeypatch.setattr("runtime.doctor.disk.MEND_BELOW_MB", 10**12)
    monkeypatch.setattr("runtime.doctor.disk.BAD_BELOW_MB", bad_below_mb)
    monkeypatch.setenv("STATE_DIRECTORY", str(machine.root))
    found = only(check_disk(given(machine)))
    assert (found.verdict, f"free in {machine.root}" in found.says, words in found.says) == (verdict, True, True)


def test_power(machine: MadeMachine) -> None:
    assert only(check_power(given(machine))).verdict == GOOD
    machine.write("sys/class/thermal/thermal_zone0/temp", "79000")
    assert only(check_power(given(machine))).verdict == MEND
    firmware = "sys/devices/platform/soc/soc:firmware/get_throttled"
    machine.write(firmware, "50000")
    past = only(check_power(given(machine)))
    assert (past.verdict, "in the past" in past.says, "supply" in past.mend) == (MEND, True, True)
    machine.write(firmware, "d")
    assert [found.verdict for found in check_power(given(machine))] == [BAD, BAD]


def test_who_has_the_card(machine: MadeMachine) -> None:
    assert _holders(given(machine)) == []
    machine.write("proc/asound/card0/pcm0p/sub0/status", "state: RUNNING\nowner_pid   : 712")
    machine.write("proc/asound/card1/pcm0p/sub0/status", "closed")
    machine.write("proc/712/status", "Name:\tdata-loop\nTgid:\t710")
    machine.write("proc/710/comm", "pipewire")
    assert only(_holders(given(machine))).verdict == GOOD
    machine.link("proc/900/fd/7", "/dev/snd/pcmC1D0p")
    machine.link("proc/901/fd/7", "/dev/snd/controlC1")  # opened by a mixer, which does not block the card
    machine.write("proc/900/comm", "vlc")
    assert holders(machine.root) == {712: "pipewire", 900: "vlc"}
    stranger = only(_holders(given(machine)))
    assert (stranger.verdict, stranger.mend) == (MEND, "close it: kill 900")
    assert "vlc (process 900)" in stranger.says
    assert "Timbrebox" in only(_holders(given(machine, process=900))).says


def test_what_a_process_calls_and_what_it_serves(machine: MadeMachine) -> None:
    for number in (111, 112, 113):
        machine.link(f"proc/5/fd/{number}", f"socket:[{number}]")
    row = "   0: {} {} {} 00000000:00000000 00:00000000 00000000  0 0 {} 1 0"
    rows = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        row.format("0100007F:2036", "00000000:0000", "0A", 111),  # a server for this machine only
        row.format("0A00000A:9998", "08080808:01BB", "01", 999),  # a socket of another process
    ]
    machine.write("proc/5/net/tcp", "\n".join(rows))
    assert sockets(machine.root, 5) == [(True, False)]
    assert "on this machine only" in only(check_network(given(machine, process=5))).says
    rows += [
        row.format("00000000:2037", "00000000:0000", "0A", 112),  # a server for the network
        row.format("0A00000A:2037", "0B00000A:C001", "01", 113),  # a browser connected to this server
    ]
    machine.write("proc/5/net/tcp", "\n".join(rows))
    assert sockets(machine.root, 5) == [(True, False), (False, False), (False, False)]
    served = only(check_network(given(machine, process=5)))
    assert (served.verdict, "as the settings say" in served.says) == (GOOD, True)
    rows[-1] = row.format("0A00000A:9999", "08080808:01BB", "01", 113)  # a connection that `play` opened
    machine.write("proc/5/net/tcp", "\n".join(rows))
    assert only(check_network(given(machine, process=5))).verdict == BAD


@pytest.mark.parametrize(
    ("p99_ms", "real_time", "verdict", "words"),
    [
        (1.0, True, GOOD, ""),
        (4.5, True, MEND, "./timbrebox play --buffer 512"),
        (6.0, True, BAD, "./timbrebox play --buffer 512"),
        (6.0, False, BAD, "first mend Real time"),
    ],
)
def test_the_verdict_on_the_speed(p99_ms: float, real_time: bool, verdict: str, words: str) -> None:
    measured = {"p99_ms": p99_ms, "max_ms": 9.0, "budget_ms": 5.8, "voices": 16, "buffer": 256, "real_time": real_time}
    found = _judged(measured)
    assert found.verdict == verdict
    assert words in found.mend
    assert f"at most {p99_ms:.1f} ms, and have 5.8" in found.says
