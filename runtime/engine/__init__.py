"""The engine turns events into sound, bit-identical for any block size; it owns no thread, clock, file or log."""

from runtime.engine.engine import Engine
from runtime.engine.status import Status

__all__ = ["Engine", "Status"]
