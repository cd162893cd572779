"""Where the service's files lie, and which files of a checkout it needs."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER = "timbrebox"
UNIT = "timbrebox.service"
HOME = Path("/opt/timbrebox")
STATE = Path("/var/lib/timbrebox")
SETTINGS = Path("/etc/timbrebox/instrument.yaml")
UNITS = Path("/etc/systemd/system")
PACKAGED = Path("/usr/lib/timbrebox")  # where the Debian package puts a version to install
ENVIRONMENT = ".venv"
PARTS = ("timbrebox", "LICENSE", "pyproject.toml", "runtime", "configs", "instruments")
