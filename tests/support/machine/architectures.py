"""The machines that QEMU emulates for the rigs: a PC, and a machine with the processor of a Raspberry Pi 4."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from typing import NamedTuple

# Options of the kernel for every machine. Those from `quiet` on switch off what is slow and not needed.
_SHARED = "root=/dev/vda rw panic=5 quiet mitigations=off audit=0 nokaslr"


class Architecture(NamedTuple):
    """A processor's architecture, and the emulated machine that has it.

    name: Debian's name of the architecture.
    machine: the machine's description in words.
    processor: the line of /proc/cpuinfo that tells the machine's processor, without tabs.
    emulator: QEMU's program and its options for the machine.
    kernel_says: the options with which the kernel is started.
    unpacked: turns the content of Debian's kernel file into a kernel that QEMU boots at once.
    """

    name: str
    machine: str
    processor: str
    emulator: tuple[str, ...]
    kernel_says: str
    unpacked: Callable[[bytes], bytes]


def unpacked_x86(packed: bytes) -> bytes:
    """The kernel inside a bzImage. It is unpacked here, because an emulated processor would unpack it slowly.

    Source: the Linux x86 boot protocol, 2.15.
    """
    (offset, n_bytes), n_sectors = struct.unpack_from("<II", packed, 0x248), packed[0x1F1]
    begin = (n_sectors + 1) * 512 + offset
    done = subprocess.run(["zstd", "-dc"], input=packed[begin : begin + n_bytes - 4], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)  # fmt: skip
    assert done.stdout.startswith(b"\x7fELF"), "Debian's kernel is no longer packed by zstd"
    return done.stdout


def unpacked_arm(kernel: bytes) -> bytes:
    """The kernel as it is, because Debian does not pack it for this architecture.

    Source: the Linux kernel's Documentation/arch/arm64/booting.rst.
    """
    assert kernel[0x38:0x3C] == b"ARMd", "Debian's arm64 kernel is packed now"
    return kernel


AMD64 = Architecture(
    "amd64",
    "a PC",
    "model name: Intel Core i7 9xx (Nehalem Class Core i7)",
    ("qemu-system-x86_64", "-cpu", "Nehalem"),
    f"{_SHARED} console=ttyS0 tsc=reliable",
    unpacked_x86,
)
ARM64 = Architecture(
    "arm64",
    "a machine with a Cortex-A72, the processor of a Raspberry Pi 4",
    "CPU part: 0xd08",
    ("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"),
    f"{_SHARED} console=ttyAMA0",
    unpacked_arm,
)
ARCHITECTURES = {architecture.name: architecture for architecture in (AMD64, ARM64)}
