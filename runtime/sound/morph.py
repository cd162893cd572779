"""Morphs: one or two controls that move through several sounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from runtime.instrument.card import Position
from runtime.sound.motion import Share

MOST_SOUNDS, N_CORNERS = 8, 4


class SoundMorph(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sounds of one instrument, on a path or in a square. Controls move through these sounds.

    sounds: in the order of the path; in a square, those at (x, y) = (0, 0), (1, 0), (0, 1) and (1, 1). Each is the
    name of a sound, or a dict of knob positions by knob name. A dict stands for the sound to which this morph belongs,
    with these knobs at these positions.
    shape: `path`, moved by the control `morph`; `square`, moved by `morph.x` and `morph.y`.
    at: the controls' initial positions, one number for a path, x and y for a square. Until a control moves, the sound
    to which this morph belongs is played as its other fields say. With None, the controls begin at 0, and the first of
    `sounds` is played.
    along: how the latents move on a path. With `straight`, they move linearly from sound to sound. With `learned`, they
    stay close to positions that the instrument learnt.
    """

    sounds: Annotated[tuple[str | dict[str, Position], ...], msgspec.Meta(min_length=2, max_length=MOST_SOUNDS)]
    shape: Literal["path", "square"] = "path"
    along: Literal["straight", "learned"] = "straight"
    at: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1, max_length=2)] | None = None

    @property
    def places(self) -> dict[str, float]:
        """The initial position of each control, 0 to 1."""
        at = self.at or (0.0, 0.0)
        if self.shape == "square":
            return {"morph": 0.0, "morph.x": at[0], "morph.y": at[1]}
        return {"morph": at[0], "morph.x": 0.0, "morph.y": 0.0}
