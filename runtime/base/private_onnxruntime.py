"""onnxruntime that tells nobody of its use: our only import of it."""

from __future__ import annotations

import os

# It reads this when it is imported, and takes no other word for yes; else it writes a device id into the user's cache
# and looks its maker's host up. Whatever the user has set: an instrument speaks to no network.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
