"""Lets avahi show the page in lists of what is in the network, where avahi is and networks can reach the page."""

from __future__ import annotations

import ipaddress
import shutil
from contextlib import suppress
from pathlib import Path

AVAHI = Path("/etc/avahi/services")
FILE = Path(__file__).parent / "avahi" / "timbrebox.service"


def announce(address: str, folder: Path = AVAHI) -> bool:
    """Copy the file for avahi into its folder, or remove it from there; returns whether the page is announced now.

    address: on which the page listens (panel: address). OSError if the folder cannot be written to. Avahi looks at the
    folder by itself.
    """
    if not folder.is_dir():
        return False
    target = folder / FILE.name
    with suppress(ValueError):
        if not ipaddress.ip_address(address).is_loopback:
            shutil.copyfile(FILE, target)
            target.chmod(0o644)
            return True
    target.unlink(missing_ok=True)
    return False
