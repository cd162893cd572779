"""The piece that `play --demo` plays."""

from pathlib import Path

DEMO_FILE = Path(__file__).with_name("demo.mid")
