"""onnxruntime with its telemetry off; the project imports it only from here."""

from __future__ import annotations

import os

# onnxruntime reads this variable when it is imported. With any value but "1" it writes a device id into the user's
# cache and looks up its maker's host. The user's own setting is overridden: playing must never use the network.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
