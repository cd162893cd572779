"""Refuses a sound from the browser's page if the sound names a file. Else a stranger could read any file."""

from __future__ import annotations

from typing import Any

from runtime.base.errors import UserError

_ENDINGS = (".yaml", ".yml")


def refuse_files(tree: dict[str, Any]) -> None:
    """UserError if a sound's tree names a file, for a trajectory, a part or a morph."""
    trajectories = tree.get("trajectory")
    for each in trajectories if isinstance(trajectories, list) else [trajectories]:
        if isinstance(each, dict) and "file" in each:
            raise _refusal("a trajectory in a file")
    parts, morph = tree.get("parts"), tree.get("morph")
    named = [part.get("sound") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    named += morph["sounds"] if isinstance(morph, dict) and isinstance(morph.get("sounds"), list) else []
    if any(isinstance(name, str) and name.endswith(_ENDINGS) for name in named):
        raise _refusal("a sound in a file")


def _refusal(found: str) -> UserError:
    return UserError("a page's sound", found, "sounds by name", "save that sound by itself, and name it")
