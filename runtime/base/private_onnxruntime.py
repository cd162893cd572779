"""onnxruntime without telemetry; the project imports onnxruntime only from this module."""

from __future__ import annotations

import os

# onnxruntime reads this variable when it is imported. With any value but "1", it writes a device id into the user's
# cache, and asks the network for the address of its maker's server. Playing must never use the network.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
