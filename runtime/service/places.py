"""The paths of the service's files, and the parts of a checkout that the service needs."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER = "timbrebox"
UNIT = "timbrebox.service"
HOME = Path("/opt/timbrebox")
STATE = Path("/var/lib/timbrebox")
SETTINGS = Path("/etc/timbrebox/instrument.yaml")
UNITS = Path("/etc/systemd/system")
ANNOUNCED = Path("/etc/avahi/services/timbrebox.service")  # the owner may add this file, to announce the page
PACKAGED = Path("/usr/lib/timbrebox")  # where the Debian package puts the version that it then installs
ENVIRONMENT = ".venv"
PARTS = ("timbrebox", "LICENSE", "pyproject.toml", "runtime", "configs", "instruments")
UPDATE = "timbrebox-update"  # UPDATE.path starts UPDATE.service when the page has received an update
SIGNERS = Path("/etc/timbrebox/update_signers")  # keys whose updates may come over the page
ARRIVED = Path("update", "arrived")  # in STATE: the update that the page has received; UPDATE.path repeats this path
UPDATE_NEWS = Path("/run/timbrebox-update/news.json")  # here root tells the page how the update goes
