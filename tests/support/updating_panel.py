"""Runs the page's process, which looks for updates in a test's folder and not in the system's folders.

Run as `python -m tests.support.updating_panel FOLDER panel ...`. FOLDER is the folder of a `RootsHalf`. The page looks
there for the list of signers and for news of updates.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runtime.__main__ import main
from runtime.base.user_folders import state_folder
from runtime.panel.files import updates
from runtime.service.places import SIGNERS, UPDATE, UPDATE_NEWS

folder = Path(sys.argv.pop(1))
updates.STATE, updates.UNITS = state_folder(), folder / "units"
updates.SIGNERS, updates.UPDATE_NEWS = folder / "etc" / SIGNERS.name, folder / "run" / UPDATE_NEWS.name
updates.UNITS.mkdir(exist_ok=True)
(updates.UNITS / f"{UPDATE}.path").touch()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
