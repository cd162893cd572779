"""Paths of the folders that tests read."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
TRAINING_CONFIGS = ROOT / "configs" / "training"

# Recordings of single violin notes, not part of the project: TIMBREBOX_VIOLIN=FOLDER. The note's name, such as `A4`,
# stands between the second and the third underscore of a file's name.
VIOLIN_NOTES = Path(os.environ.get("TIMBREBOX_VIOLIN", "no folder of violin notes"))
NEEDS_VIOLIN_NOTES = "needs a folder of violin notes: TIMBREBOX_VIOLIN=FOLDER (see tests/support/places.py)"
