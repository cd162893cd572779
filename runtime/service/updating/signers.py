"""The owner's list of signers, as public keys. An update from the page must be signed by one of these signers."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.service.updating.signed import NAMESPACE

_LARGEST_BYTES = 64 * 2**10
_KEY = re.compile(r"((?:ssh|ecdsa|sk)-\S+) ([A-Za-z0-9+/]+=*)(?: (.*))?")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9@._+-]+")
_EXPECTED, _REMEDY = "an OpenSSH public key, one line", "give the file whose name ends in .pub"


def trust(key: Path, signers: Path) -> str:
    """Add a public key to the list of signers; return the name of the key's owner and the key's fingerprint.

    The key's comment is taken as the name. A key that the list already has is not added again. UserError if the key's
    file holds no public key.
    """
    kind, code, comment = _read(key)
    fingerprint, lines = _fingerprint(key, f"{kind} {code}\n"), _lines(signers)
    name = _NOT_IN_NAMES.sub("-", comment or "").strip("-") or "owner"
    if not any(code in line.split() for line in lines):
        lines.append(f'{name} namespaces="{NAMESPACE}" {kind} {code}')
        with atomic_write(signers) as stream:
            stream.write("\n".join(lines) + "\n")
        signers.chmod(0o644)
        signers.parent.chmod(0o755)
    return f"{name} ({fingerprint})"


def _read(key: Path) -> tuple[str, str, str | None]:
    content = read_bounded_file(key, _EXPECTED, _LARGEST_BYTES, _REMEDY).decode("utf-8", "replace")
    found = _KEY.fullmatch(content.strip())
    if found is None:
        raise UserError(key, "something else", _EXPECTED, _REMEDY)
    return found[1], found[2], found[3]


def _lines(signers: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return signers.read_text(encoding="utf-8").splitlines()
    return []


def _fingerprint(key: Path, content: str) -> str:
    """A key's fingerprint, as OpenSSH shows it; UserError if OpenSSH is missing, or cannot read the key."""
    command = ["ssh-keygen", "-l", "-f", "-"]
    try:
        done = subprocess.run(command, input=content, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        remedy = "type: sudo apt-get install openssh-client"
        raise UserError("service trust", "no ssh-keygen", "OpenSSH, which checks signatures", remedy) from None
    if done.returncode:
        raise UserError(key, "a key that OpenSSH cannot read", _EXPECTED, _REMEDY)
    return done.stdout.split()[1]
