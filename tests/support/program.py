"""Makes a tiny stand-in for this program, with the files that an installation needs."""

from __future__ import annotations

from pathlib import Path

PYTHON = Path("/bin/sh")  # stands in for Python: any user may run /bin/sh


def make_program(folder: Path, says: str, *, environment: bool = True) -> Path:
    """A folder like a checkout, whose launcher prints `says`.

    environment: whether the folder has a small `.venv`.
    """
    (folder / "runtime" / "service").mkdir(parents=True)
    (folder / "configs").mkdir()
    (folder / "timbrebox").write_text(f"echo {says}\n")
    (folder / "LICENSE").touch()
    (folder / "pyproject.toml").write_text('[project]\nname = "timbrebox"\nversion = "1.2.3"\n')
    (folder / "runtime" / "requirements.txt").write_text("package==1\n")
    (folder / "runtime" / "__main__.py").write_text(f"print({says!r})\n")
    (folder / "runtime" / "service" / "timbrebox.service").write_text("# /opt/timbrebox\n")
    (folder / "configs" / "instrument.yaml").write_text("volume_db: 0.0\n")
    if environment:
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "lib").mkdir()
        (folder / ".venv" / "lib" / "package.py").write_text("VALUE = 1\n")
        (folder / ".venv" / "bin" / "python").symlink_to(PYTHON)
        (folder / ".venv" / "installed.txt").write_text("package==1\n")
    return folder
