"""Checks the machine itself."""

from __future__ import annotations

import os
import platform
import re
import sys

from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given, text_of
from runtime.live.watching.power import BETTER_SUPPLY, COOL_IT, LOW_VOLTAGE, TOO_HOT, read_power

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
BAD_BELOW_MB, MEND_BELOW_MB = 150, 300
WARM_C = 75.0
GOOD_GOVERNORS = ("performance", "schedutil")
_GOVERNORS = "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"
_SET_GOVERNOR = (
    "echo 'w /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor - - - - performance' | "
    "sudo tee /etc/tmpfiles.d/cpu-speed.conf && sudo systemd-tmpfiles --create /etc/tmpfiles.d/cpu-speed.conf"
)


def check_system(given: Given) -> list[Finding]:
    """Check that the system is 64-bit, and that the program was tried with this version of Python."""
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', text_of(given.root / "etc/os-release"), re.MULTILINE))
    name = release.get("PRETTY_NAME") or f"{platform.system()} {platform.release()}"
    bits = 64 if sys.maxsize > 2**32 else 32
    board = text_of(given.root / "proc/device-tree/model")
    says = ", ".join(
        filter(None, [name, board, f"{bits}-bit ({platform.machine()})", f"Python {sys.version.split()[0]}"])
    )
    if bits != 64:
        return [Finding("System", BAD, says, "install the 64-bit system of your machine: onnxruntime needs it")]
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return [Finding("System", MEND, f"{says}: not tried", "install Python 3.11 to 3.13, then: ./timbrebox play")]
    return [Finding("System", GOOD, says)]


def check_processor(given: Given) -> list[Finding]:
    """Check how the processor chooses its speed, and whether other programs keep it busy."""
    n_cores = os.cpu_count() or 1
    governors = {text_of(path) for path in given.root.glob(_GOVERNORS)} - {""}
    says = f"{n_cores} cores" if n_cores > 1 else "1 core"
    says += f", governor {' and '.join(sorted(governors))}" if governors else ", full speed (no governor)"
    slow = governors - set(GOOD_GOVERNORS)
    # With the drivers intel_pstate and amd-pstate, the governor powersave raises the speed quickly. With other drivers,
    # it does not.
    driver = text_of(given.root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver")
    if slow and not (slow == {"powersave"} and driver.startswith(("intel_pstate", "amd-pstate"))):
        return [Finding("Processor", MEND, f"{says}: slow to speed up, so a loud chord may crackle", _SET_GOVERNOR)]
    load = text_of(given.root / "proc/loadavg").split()
    if load and float(load[0]) > n_cores:
        says = f"{says}, but busy: {float(load[0]):.0f} programs want to run at once"
        return [Finding("Processor", MEND, says, "see which, and end what you do not need: top")]
    return [Finding("Processor", GOOD, says)]


def check_memory(given: Given) -> list[Finding]:
    """Check how much memory is free."""
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", text_of(given.root / "proc/meminfo"), re.MULTILINE))
    if "MemAvailable" not in found:
        return []
    free_mb, all_mb = (int(found[name]) / 1024 for name in ("MemAvailable", "MemTotal"))
    says = f"{free_mb:,.0f} of {all_mb:,.0f} MB free"
    if free_mb < MEND_BELOW_MB:
        verdict = BAD if free_mb < BAD_BELOW_MB else MEND
        says += ": play needs 150, and more for each instrument"
        return [Finding("Memory", verdict, says, "see what takes it, and end it: top -o %MEM")]
    return [Finding("Memory", GOOD, says)]


def check_power(given: Given) -> list[Finding]:
    """Check voltage and heat, where the machine reports them."""
    power = read_power(given.root)
    heat = "" if power.temperature_c is None else f"{power.temperature_c:.0f} degrees Celsius"
    problems = [
        Finding("Power", BAD, what, do) if now else Finding("Power", MEND, f"{what.partition(':')[0]} in the past", do)
        for now, before, what, do in (
            (power.has_low_voltage, power.had_low_voltage, LOW_VOLTAGE, BETTER_SUPPLY),
            (power.is_hot, power.was_hot, f"{TOO_HOT}{f' ({heat})' if heat else ''}", COOL_IT),
        )
        if now or before
    ]
    if problems:
        return problems
    if power.temperature_c is not None and power.temperature_c >= WARM_C:
        return [Finding("Power", MEND, f"{heat}: near the point where the machine slows down", COOL_IT)]
    says = ["enough voltage" if power.is_told else "this machine does not tell its voltage", heat, "not slowed by heat"]
    return [Finding("Power", GOOD, ", ".join(filter(None, says)))]
