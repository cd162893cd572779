"""The pieces that come with the project: the one that `play --demo` plays, and a prelude by Bach."""

from pathlib import Path

DEMO_FILE = Path(__file__).with_name("demo.mid")
PRELUDE_FILE = Path(__file__).with_name("prelude.mid")
