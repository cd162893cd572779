"""The user is warned about too little voltage and too much heat."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.live.watching.power import LOOK_S, SHOWN_S, PowerWatch, read_power
from tests.support.made_machine import MadeMachine


@pytest.fixture
def machine(tmp_path: Path) -> MadeMachine:
    return MadeMachine(tmp_path)


def test_a_machine_that_tells_nothing_has_no_problem(machine: MadeMachine) -> None:
    power = read_power(machine.root)
    assert (power.is_told, power.temperature_c) == (False, None)
    told = power.has_low_voltage, power.is_hot, power.had_low_voltage, power.was_hot
    assert told == (False, False, False, False)


@pytest.mark.parametrize(
    ("bits", "now", "before"),
    [
        ("0", (False, False), (False, False)),
        ("1", (True, False), (False, False)),
        ("50005", (True, False), (True, False)),  # the clock rate is limited by low voltage, not by heat
        ("50000", (False, False), (True, False)),
        ("8", (False, True), (False, False)),
        ("2", (False, True), (False, False)),
        ("e0008", (False, True), (False, True)),
        ("9", (True, True), (False, False)),
    ],
)
def test_the_bits_of_the_firmware(machine: MadeMachine, bits: str, now: tuple, before: tuple) -> None:
    machine.write("sys/devices/platform/soc/soc:firmware/get_throttled", bits)
    power = read_power(machine.root)
    assert power.is_told
    assert (power.has_low_voltage, power.is_hot) == now
    assert (power.had_low_voltage, power.was_hot) == before


def test_a_pi_5_has_the_file_elsewhere(machine: MadeMachine) -> None:
    machine.write("sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "1")
    assert read_power(machine.root).has_low_voltage


def test_without_the_firmware_the_drivers_tell(machine: MadeMachine) -> None:
    machine.write("sys/class/hwmon/hwmon0/name", "cpu_thermal")
    machine.write("sys/class/hwmon/hwmon1/name", "rpi_volt")
    machine.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0")
    machine.write("sys/class/thermal/thermal_zone0/temp", "84213")
    machine.write("sys/class/thermal/thermal_zone1/temp", "-2000")
    machine.write("sys/class/thermal/cooling_device0/type", "pwm-fan")
    machine.write("sys/class/thermal/cooling_device0/cur_state", "3")
    power = read_power(machine.root)
    assert (power.is_told, power.has_low_voltage, power.is_hot, power.temperature_c) == (True, False, False, 84.213)
    machine.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    machine.write("sys/class/thermal/cooling_device1/type", "cpufreq-cpu0")
    machine.write("sys/class/thermal/cooling_device1/cur_state", "2")
    power = read_power(machine.root)
    assert (power.has_low_voltage, power.is_hot) == (True, True)


def test_each_problem_is_said_once_and_stays_a_minute_in_the_status(machine: MadeMachine) -> None:
    lines: list[str] = []
    firmware = "sys/devices/platform/soc/soc:firmware/get_throttled"
    machine.write(firmware, "50000")  # problems before the start are not reported
    watch = PowerWatch(lines.append, machine.root)
    watch.look(10.0)
    assert (lines, watch.problem) == ([], "")
    machine.write(firmware, "50005")
    watch.look(10.0 + LOOK_S / 2)
    assert watch.problem == ""  # the next look is not due yet
    watch.look(20.0)
    assert "Too little voltage" in watch.problem
    machine.write(firmware, "50000")
    machine.write("sys/class/thermal/thermal_zone0/temp", "85000")
    watch.look(20.0 + SHOWN_S / 2)
    assert "Too little voltage" in watch.problem
    watch.look(21.0 + SHOWN_S)
    assert watch.problem == ""
    machine.write(firmware, "5000d")
    watch.look(200.0)
    assert watch.problem.count("Too ") == 2
    assert len(lines) == 2
    assert "power supply" in lines[0]
    assert "85 degrees" in lines[1]
    assert "fan" in lines[1]


def test_what_happened_between_two_looks_is_said(machine: MadeMachine) -> None:
    lines: list[str] = []
    firmware = "sys/devices/platform/soc/soc:firmware/get_throttled"
    machine.write(firmware, "0")
    watch = PowerWatch(lines.append, machine.root)
    watch.look(10.0)
    machine.write(firmware, "10000")
    watch.look(20.0)
    watch.look(30.0)
    assert len(lines) == 1
    assert "Too little voltage" in lines[0]
