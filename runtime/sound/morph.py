"""Morphs: one control, or two, that move through several sounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from runtime.instrument.card import Position
from runtime.sound.motion import Share

MOST_SOUNDS, N_CORNERS = 8, 4


class SoundMorph(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way through other sounds of the same instrument; the controls `morph`, or `morph.x` and `morph.y`, move along.

    sounds: names of the sounds, 2 to 8, in their order; or places, positions of latents by name: the sound that has the
    morph, with its knobs there. With shape `square` four: at x and y 0 0, 1 0, 0 1 and 1 1.
    shape: `path`, moved by `morph`; `square`, moved by `morph.x` and `morph.y`.
    at: where the controls stand at first, and the sound is as its other fields say until one of them moves: one number
    for a path, x and y for a square. None: they stand at 0, and the sound begins as the first of `sounds`.
    along: with `path`, `straight`, each knob goes straight from sound to sound; `learned`, the knobs stay where the
    instrument learnt sounds.
    """

    sounds: Annotated[tuple[str | dict[str, Position], ...], msgspec.Meta(min_length=2, max_length=MOST_SOUNDS)]
    shape: Literal["path", "square"] = "path"
    along: Literal["straight", "learned"] = "straight"
    at: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1, max_length=2)] | None = None

    @property
    def places(self) -> dict[str, float]:
        """Where each control stands at first, 0 to 1."""
        at = self.at or (0.0, 0.0)
        if self.shape == "square":
            return {"morph": 0.0, "morph.x": at[0], "morph.y": at[1]}
        return {"morph": at[0], "morph.x": 0.0, "morph.y": 0.0}
