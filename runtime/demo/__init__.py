"""The pieces that come with the project: the piece for `play --demo`, and a prelude by Bach."""

from pathlib import Path

DEMO_FILE = Path(__file__).with_name("demo.mid")
PRELUDE_FILE = Path(__file__).with_name("prelude.mid")
