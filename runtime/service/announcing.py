"""Announces the page in the network through avahi, if avahi is installed and the network can reach the page."""

from __future__ import annotations

import ipaddress
import shutil
from contextlib import suppress
from pathlib import Path

AVAHI = Path("/etc/avahi/services")
FILE = Path(__file__).parent / "avahi" / "timbrebox.service"


def announce(address: str, folder: Path = AVAHI) -> bool:
    """Copy the page's file into avahi's folder, or remove it there; return whether the page is now announced.

    address: the page's listening address (panel: address). OSError if the folder cannot be written to. Avahi watches
    the folder by itself.
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
