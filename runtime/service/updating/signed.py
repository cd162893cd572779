"""A signed update: one file with an OpenSSH signature, followed by the archive that it signs.

OpenSSH signs and checks. Source: ssh-keygen(1), "-Y sign", "-Y find-principals", "-Y verify" and "ALLOWED SIGNERS".
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import BinaryIO, NamedTuple

from runtime.base.errors import UserError
from runtime.base.files import atomic_write

SUFFIX = ".update"
NAMESPACE = "timbrebox-update"  # a signature with another namespace, such as that of a Git commit, is refused
LARGEST_BYTES = 128 * 2**20  # the largest signed update; a checkout has 18 MB
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_MOST_SIGNATURE_BYTES = 16 * 2**10
_PIECE_BYTES = 2**20
_LIMIT_S = 60.0
_EXPECTED, _REMEDY = "an update that python -m runtime.service.release made", "get it again"


class Parts(NamedTuple):
    """The two files of a divided update."""

    signature: Path
    archive: Path


def sign(archive: Path, key: Path, out: Path) -> None:
    """Sign an archive, and write the signed update to the file `out`.

    key: a private key, or the public key if the user's ssh-agent holds the private key.

    OpenSSH asks for a passphrase if the key has one. UserError if the archive is too large, or OpenSSH does not sign.
    """
    refuse_large(archive.stat().st_size)
    with archive.open("rb") as stream:
        signature, _ = _keygen("sign", "-q", "-n", NAMESPACE, "-f", key, stdin=stream, shows_errors=True)
        if not signature:
            raise UserError(key, "a key that did not sign", "a private key", "see the line above")
        stream.seek(0)
        with atomic_write(out, "wb", inputs=(archive, key)) as signed:
            signed.write(signature)
            shutil.copyfileobj(stream, signed)


def is_signed(path: Path) -> bool:
    """Whether this is a regular file that begins like a signed update."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as stream:
            return stream.read(len(_BEGIN)) == _BEGIN
    except OSError:
        return False


def divide(stream: BinaryIO, folder: Path) -> Parts:
    """Copy a signed update's two parts into `folder`; UserError if `stream` is no signed update, or is too large.

    stream: the update, from its first byte on. Its size is checked while it is read, because a file may grow.
    """
    head = stream.read(_MOST_SIGNATURE_BYTES)
    end = head.find(_END)
    if not head.startswith(_BEGIN) or end < 0:
        raise UserError("update", "no signature at its beginning", _EXPECTED, _REMEDY)
    end += len(_END)
    parts = Parts(folder / "signature", folder / "archive.tar.gz")
    parts.signature.write_bytes(head[:end])
    with parts.archive.open("wb") as archive:
        n_bytes, piece = end, head[end:]
        while piece:
            n_bytes += archive.write(piece)
            refuse_large(n_bytes)
            piece = stream.read(_PIECE_BYTES)
    return parts


def signer_of(parts: Parts, signers: Path) -> str:
    """The name that the list `signers` gives to the archive's signer.

    UserError if nobody in the list has signed the archive, or if `_refuse_open_to_others` refuses the list.

    signers: a file in OpenSSH's format ALLOWED SIGNERS. It can say from when and until when a key is valid; at other
        times OpenSSH refuses the key.
    """
    _refuse_open_to_others(signers)
    known, why = _keygen("find-principals", "-s", parts.signature, "-f", signers)
    name = known.decode(errors="replace").partition("\n")[0].split(",")[0]
    if not name:
        found = f"a signature by nobody whom this machine trusts ({why})"
        raise UserError("update", found, f"one by a key in {signers}", "trust the key, or discard the update")
    checks = ("-f", signers, "-I", name, "-n", NAMESPACE, "-s", parts.signature)
    with parts.archive.open("rb") as archive:
        is_good, why = _keygen("verify", *checks, stdin=archive)
    if not is_good:
        raise UserError("update", f"a signature that is not this update's ({why})", f"one by {name}", _REMEDY)
    return name


def refuse_large(n_bytes: int) -> None:
    """UserError if a signed update of this size is too large."""
    if n_bytes > LARGEST_BYTES:
        raise UserError("update", f"{n_bytes:,} bytes or more", f"at most {LARGEST_BYTES:,}", _REMEDY)


def _refuse_open_to_others(signers: Path) -> None:
    """UserError if the list of signers is no file, or if others than root and this process's user can write it."""
    remedy = "type: sudo timbrebox service trust KEY.pub"
    try:
        found = signers.stat()
    except OSError as error:
        raise UserError(signers, error.strerror or str(error), "whose updates are taken", remedy) from None
    is_roots = found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not is_roots or not stat.S_ISREG(found.st_mode):
        mend = f"type: sudo chown root {signers}; sudo chmod 644 {signers}"
        raise UserError(signers, "a file that others than root may write", "one for root alone", mend)


def _keygen(
    action: str, *words: object, stdin: BinaryIO | int = subprocess.DEVNULL, shows_errors: bool = False
) -> tuple[bytes, str]:
    """Return what ssh-keygen prints (nothing if it fails) and the first line of its errors.

    shows_errors: whether ssh-keygen shows its errors to the user itself. If it does, none are returned, and there is no
    time limit, because it may ask the user for a passphrase.

    UserError if OpenSSH is missing, or if the time runs out.
    """
    command = ["ssh-keygen", "-Y", action, *map(str, words)]
    errors, limit_s = (None, None) if shows_errors else (subprocess.PIPE, _LIMIT_S)
    try:
        done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=errors, timeout=limit_s, check=False)
    except FileNotFoundError:
        remedy = "type: sudo apt-get install openssh-client"
        raise UserError("update", "no ssh-keygen", "OpenSSH, which checks signatures", remedy) from None
    except subprocess.TimeoutExpired:
        raise UserError("update", f"no answer of ssh-keygen in {_LIMIT_S:g} s", "a check", "try again") from None
    said = (done.stderr or b"").decode(errors="replace").strip().partition("\n")[0].strip(" .\r")
    return (done.stdout if done.returncode == 0 else b""), said
