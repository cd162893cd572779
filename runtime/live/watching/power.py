"""Detects that the machine slows down because its voltage is too low or it is too hot."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

LOOK_S = 4.0
SHOWN_S = 60.0  # how long the status shows a problem after its end: problems may last only seconds
# These bits of the firmware's answer say what is wrong now. The bits 16 places higher say what was wrong at some time
# since the start. Source: the documentation of `vcgencmd get_throttled`.
_LOW_VOLTAGE, _CAPPED, _THROTTLED, _WARM = 0x1, 0x2, 0x4, 0x8
_BEFORE = 16
_FIRMWARE = "sys/devices/platform/*/*firmware*/get_throttled"
_LEAST_C, _MOST_C = 1.0, 150.0  # readings outside this range come from a broken sensor

LOW_VOLTAGE = "Too little voltage: the machine slows itself down, and the sound may break up"
BETTER_SUPPLY = "use the power supply that is made for this machine, with a short cable"
TOO_HOT = "Too hot: the machine slows itself down, and the sound may break up"
COOL_IT = "give it air, a heat sink or a fan"


class Power(msgspec.Struct, frozen=True):
    """What the machine reports of its voltage and its temperature.

    is_told: whether it reports its voltage.
    has_low_voltage: whether its voltage is too low now.
    is_hot: whether heat slows it down now.
    had_low_voltage: whether its voltage has been too low at any time since its start.
    was_hot: whether heat has slowed it down at any time since its start.
    temperature_c: the hottest sensor's temperature, or None.
    """

    is_told: bool = False
    has_low_voltage: bool = False
    is_hot: bool = False
    had_low_voltage: bool = False
    was_hot: bool = False
    temperature_c: float | None = None


def read_power(root: Path = Path("/")) -> Power:
    """Read what the firmware and the kernel's drivers report; root: the folder that contains `sys`."""
    bits = _firmware_bits(root)
    alarm = _voltage_alarm(root)
    now, before = bits or 0, (bits or 0) >> _BEFORE
    low = bool(now & _LOW_VOLTAGE) or bool(alarm)
    # The firmware caps the speed at low voltage, too. So a cap is a sign of heat only if the voltage is not low.
    hot = bool(now & _WARM) or (bool(now & (_CAPPED | _THROTTLED)) and not low) or _is_cooled_by_slowing(root)
    was_low = bool(before & _LOW_VOLTAGE)
    was_hot = bool(before & _WARM) or (bool(before & _THROTTLED) and not was_low)
    return Power(bits is not None or alarm is not None, low, hot, was_low, was_hot, _temperature_c(root))


class PowerWatch:
    """Tells the user of each problem once in a run of the program; for the main thread.

    root: the folder that contains `sys`.
    problem: the problems of the last minute, or an empty text.
    """

    def __init__(self, say: Callable[[str], object], root: Path = Path("/")):
        self._say, self._root = say, root
        self._next_s = 0.0
        self._seen_s: dict[str, float] = {}
        self._first: Power | None = None
        self.problem = ""

    def look(self, now_s: float | None = None) -> None:
        """If the last look was at least LOOK_S ago, read the power, tell the user of new problems, and renew `problem`.

        now_s: a time of `time.monotonic()`; None for now.
        """
        now_s = time.monotonic() if now_s is None else now_s
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_S
        power = read_power(self._root)
        self._first = self._first or power
        # A problem may come and go between two looks: the firmware remembers it. Problems from before the first look do
        # not count.
        dipped = power.had_low_voltage and not self._first.had_low_voltage
        warmed = power.was_hot and not self._first.was_hot
        heat = "" if power.temperature_c is None else f" ({power.temperature_c:.0f} degrees Celsius)"
        for is_so, what, extra, remedy in (
            (power.has_low_voltage or dipped, LOW_VOLTAGE, "", BETTER_SUPPLY),
            (power.is_hot or warmed, TOO_HOT, heat, COOL_IT),
        ):
            if is_so and what not in self._seen_s:
                self._say(f"{what}{extra}. To mend it: {remedy}.")
            is_new = is_so and what not in self._seen_s
            if is_new or (what is LOW_VOLTAGE and power.has_low_voltage) or (what is TOO_HOT and power.is_hot):
                self._seen_s[what] = now_s
        self.problem = "; ".join(what for what, seen_s in self._seen_s.items() if now_s - seen_s < SHOWN_S)


def _firmware_bits(root: Path) -> int | None:
    for path in sorted(root.glob(_FIRMWARE)):
        with suppress(OSError, ValueError):
            return int(path.read_text().strip(), 16)
    return None


def _voltage_alarm(root: Path) -> bool | None:
    """Whether the driver rpi_volt reports low voltage; None without this driver."""
    for name in sorted(root.glob("sys/class/hwmon/hwmon*/name")):
        with suppress(OSError, ValueError):
            if name.read_text().strip() == "rpi_volt":
                return int(name.with_name("in0_lcrit_alarm").read_text()) != 0
    return None


def _is_cooled_by_slowing(root: Path) -> bool:
    for kind in sorted(root.glob("sys/class/thermal/cooling_device*/type")):
        with suppress(OSError, ValueError):
            name = kind.read_text().strip()
            if "cpufreq" in name and int(kind.with_name("cur_state").read_text()) > 0:
                return True
    return False


def _temperature_c(root: Path) -> float | None:
    found = []
    for path in root.glob("sys/class/thermal/thermal_zone*/temp"):
        with suppress(OSError, ValueError):
            found.append(int(path.read_text()) / 1000.0)
    return max((value for value in found if _LEAST_C < value < _MOST_C), default=None)
