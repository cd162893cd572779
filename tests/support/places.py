"""Paths of the folders that tests read."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
TRAINING_CONFIGS = ROOT / "configs" / "training"

# TIMBREBOX_VIOLIN names a folder with recordings of single violin notes, which are not part of the project. In a file's
# name, the note, such as `A4`, stands between the second and the third underscore.
VIOLIN_NOTES = Path(os.environ.get("TIMBREBOX_VIOLIN", "no folder of violin notes"))
NEEDS_VIOLIN_NOTES = "needs a folder of violin notes: TIMBREBOX_VIOLIN=FOLDER (see tests/support/places.py)"
