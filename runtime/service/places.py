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
ANNOUNCED = Path("/etc/avahi/services/timbrebox.service")  # if the owner adds it, avahi announces the page
PACKAGED = Path("/usr/lib/timbrebox")  # the Debian package's files; it then installs them in HOME
ENVIRONMENT = ".venv"
PARTS = ("timbrebox", "LICENSE", "pyproject.toml", "runtime", "configs", "instruments")
UPDATE = "timbrebox-update"  # two units: .path starts .service when the page has received an update
SIGNERS = Path("/etc/timbrebox/update_signers")  # keys; a signed update must be signed with one of them
ARRIVED = Path("update", "arrived")  # in STATE: the update that the page has received; the .path unit names it, too
UPDATE_NEWS = Path("/run/timbrebox-update/news.json")  # here root tells the page how the update goes
