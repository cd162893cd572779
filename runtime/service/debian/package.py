"""Makes one .deb: the program's files, wheels of its packages for the target machine, and scripts for dpkg.

Nothing is compiled, so any machine builds for both architectures. PyAudio and python-rtmidi have no wheels, so the
program's Python environment links to Debian's packages of them. The environment hides Debian's other Python packages,
because Debian's onnxruntime crashes on a Raspberry Pi 4.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from runtime.base.errors import UserError
from runtime.service.places import ENVIRONMENT, PACKAGED, PARTS, ROOT, SETTINGS
from runtime.service.versions import version_of

# Each architecture's name in Debian and in wheels. Debian 13's glibc is new enough for all platforms in _WHEELS.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_WHEELS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_17", "manylinux2014")
PYTHON = "3.13"  # the version in Debian 13, on which the Raspberry Pi OS of 2025 is based
_NEXT_PYTHON = "3.14"
# Packages from Debian: the name in requirements.txt, Debian's name, and the imported folder.
FROM_DEBIAN = {"PyAudio": ("python3-pyaudio", "pyaudio"), "python-rtmidi": ("python3-rtmidi", "rtmidi")}
_TEMPLATES = Path(__file__).parent
_PRESSED = 9  # zstd's level of compression; 19 would save a few megabytes, and take ten minutes
_SCRIPTS = ("postinst", "prerm", "postrm")


def build(architecture: str, revision: int, out: Path) -> tuple[Path, float]:
    """Build the package for an architecture in MACHINES; return its path and its installed size in MB.

    revision: the number of the build among those of one version; a package with a higher number is an upgrade.
    out: the folder for the package.
    UserError if dpkg-deb is missing or fails, or if pip cannot fetch the wheels.
    """
    if not shutil.which("dpkg-deb"):
        raise UserError("package", "no dpkg-deb", "Debian's package tools", "type: sudo apt-get install dpkg")
    version = f"{version_of(ROOT)}-{revision}"
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"timbrebox_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory(prefix="timbrebox-deb-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir(mode=0o755)
        _fill(tree, architecture)
        n_bytes = sum(file.lstat().st_size for file in tree.rglob("*"))
        _describe(tree, version, architecture, n_bytes)
        _run("dpkg-deb", "--root-owner-group", "-Zzstd", f"-z{_PRESSED}", "--build", tree, path)
    return path, n_bytes / 1e6


def _fill(tree: Path, architecture: str) -> None:
    home = tree / PACKAGED.relative_to("/")
    home.mkdir(parents=True)
    for part in PARTS:
        if part != "instruments" and (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, home / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
        elif part != "instruments":
            shutil.copy2(ROOT / part, home / part)
    _fill_environment(home / ENVIRONMENT, architecture)
    settings = tree / SETTINGS.relative_to("/")
    settings.parent.mkdir(parents=True)
    shutil.copy2(_TEMPLATES.parent / SETTINGS.name, settings)
    _link(tree / "usr" / "bin" / "timbrebox", "/opt/timbrebox/current/timbrebox")
    licence = tree / "usr" / "share" / "doc" / "timbrebox" / "copyright"
    licence.parent.mkdir(parents=True)
    shutil.copy2(ROOT / "LICENSE", licence)
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _fill_environment(environment: Path, architecture: str) -> None:
    """Make the environment that `python -m venv` and pip would make on the target machine."""
    site = environment / "lib" / f"python{PYTHON}" / "site-packages"
    site.mkdir(parents=True)
    _link(environment / "bin" / "python", f"/usr/bin/python{PYTHON}")
    config = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {PYTHON}\n"
    (environment / "pyvenv.cfg").write_text(config, encoding="utf-8")
    shutil.copyfile(ROOT / "runtime" / "requirements.txt", environment / "installed.txt")
    platforms = [f"--platform={kind}_{MACHINES[architecture]}" for kind in _WHEELS]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-compile",
    ]
    where = ["--only-binary=:all:", f"--python-version={PYTHON}", *platforms, f"--target={site}"]
    _run(*pip, *where, *_wanted())
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts in `bin` would run this machine's Python
    for _, module in FROM_DEBIAN.values():
        _link(site / module, f"/usr/lib/python3/dist-packages/{module}")


def _wanted() -> list[str]:
    lines = (ROOT / "runtime" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", *(f"{name}==" for name in FROM_DEBIAN)))]


def _describe(tree: Path, version: str, architecture: str, n_bytes: int) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir(mode=0o755)
    values = {
        "VERSION": version,
        "ARCHITECTURE": architecture,
        "INSTALLED_KB": str(n_bytes // 1024),
        "PYTHON": f"python3 (>= {PYTHON}), python3 (<< {_NEXT_PYTHON})",
        "FROM_DEBIAN": ", ".join(debian for debian, _ in FROM_DEBIAN.values()),
    }
    control = (_TEMPLATES / "control.in").read_text(encoding="utf-8")
    (folder / "control").write_text(re.sub(r"@(\w+)@", lambda match: values[match[1]], control), encoding="utf-8")
    (folder / "conffiles").write_text(f"{SETTINGS}\n", encoding="utf-8")
    for name in _SCRIPTS:
        shutil.copyfile(_TEMPLATES / name, folder / name)
        (folder / name).chmod(0o755)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"}, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise UserError(
            f"package, {' '.join(words[:4])}", said, "success", "check the network, and that Python has pip"
        )
