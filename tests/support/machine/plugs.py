"""The USB keyboard of the emulated machine, and an `Ear` that reads what the machine's USB sound card has played."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.machine.qemu import RATE_HZ, Machine

_GADGET = "/sys/kernel/config/usb_gadget/keys"
_WIRE = 9  # number of a virtual sound card: what this program writes to its MIDI port, the keyboard sends
# With these commands, Linux simulates a USB controller (dummy_hcd), and a keyboard that can be plugged into it.
_MAKE = f"""set -e
modprobe -a dummy_hcd libcomposite usb_f_midi
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
mkdir -p {_GADGET}/strings/0x409 {_GADGET}/configs/c.1 {_GADGET}/functions/midi.usb0
echo {_WIRE} > {_GADGET}/functions/midi.usb0/index
cd {_GADGET}
echo 0x1d6b > idVendor; echo 0x0104 > idProduct
echo Keys > strings/0x409/product; echo Timbrebox > strings/0x409/manufacturer
echo wire > functions/midi.usb0/id
ln -s functions/midi.usb0 configs/c.1
"""
LOUD = 0.003
_HEAD_BYTES = 44  # of a WAV file
PORT = f"/dev/snd/midiC{_WIRE}D0"


class Keyboard:
    """A USB keyboard inside the machine, unplugged at first."""

    def __init__(self, machine: Machine):
        self._machine = machine
        status, said = machine.run("sh", "-c", _MAKE)
        assert status == 0, said

    def plug(self) -> None:
        assert self._machine.write(f"{_GADGET}/UDC", b"dummy_udc.0\n")

    def unplug(self) -> None:
        assert self._machine.write(f"{_GADGET}/UDC", b"\n")

    def play(self, *message: int) -> bool:
        """Send a MIDI message; returns whether the machine has taken it."""
        return self._machine.write(PORT, bytes(message))


class Ear:
    """Hears what the sound card has played: reads the WAV file into which the card plays, in 16-bit stereo."""

    def __init__(self, path: Path):
        self._path, self._heard = path, b""

    def listen(self) -> float:
        """Peak, 0 to 1, of what was played since the last call. Each newly plugged card begins the file anew."""
        if not self._path.exists():
            return 0.0
        data = self._path.read_bytes()[_HEAD_BYTES:]
        data = data[: len(data) // 4 * 4]
        # The length does not tell whether the file is new: a new one may already be longer than the old one was.
        n_known = len(self._heard) if data.startswith(self._heard) else 0
        self._heard = data
        return float(np.abs(_samples(data[n_known:])).max(initial=0.0))

    def silent_s(self) -> float:
        """How many seconds of silence the present card played before its first sound; infinite without a sound."""
        loud = np.flatnonzero(np.abs(_samples(self._path.read_bytes()[_HEAD_BYTES:])).max(axis=1) > LOUD)
        return float(loud[0]) / RATE_HZ if len(loud) else np.inf


def _samples(data: bytes) -> np.ndarray:
    """The 16-bit stereo samples in `data`, -1 to 1: (n_frames, 2); an incomplete frame at the end is left out."""
    return np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2) / 32768
