"""The files of the page, and the headers of every answer."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Asset(NamedTuple):
    """A file of the page.

    packed: the content, compressed with gzip.
    kind: the media type.
    tag: the ETag.
    """

    content: bytes
    packed: bytes
    kind: str
    tag: str


def load_assets() -> dict[str, Asset]:
    """Read the page's files; return them by URL path."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            found[f"/{path.name}"] = Asset(content, gzip.compress(content, mtime=0), _TYPES[path.suffix], tag)
    found["/"] = found["/index.html"]
    return found


def policy(host: str) -> str:
    """The Content-Security-Policy: the page may load only its own files.

    host: the name and port in the page's address.
    """
    own = "script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; media-src blob:"
    # In some browsers 'self' does not include WebSockets.
    connect = f"connect-src 'self' ws://{host}"
    return f"default-src 'none'; {own}; {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
