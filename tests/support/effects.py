"""For tests: plays sound through the effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.config import EffectsConfig
from runtime.effects.effects import Effects

SAMPLE_RATE_HZ = 44100
Change = tuple[int, EffectsConfig]


def play(
    effects: Effects,
    dry: np.ndarray,
    reverb_send: np.ndarray | None,
    chorus_send: np.ndarray | None,
    blocks: Sequence[int] = (512,),
    changes: Sequence[Change] = (),
    early: bool = True,
    start: int = 0,
) -> np.ndarray:
    """A copy of `dry`, float32 (n, 2), with the effects added.

    reverb_send, chorus_send: the sound sent to each effect, shaped as `dry`; None for silence.
    blocks: sizes of the blocks in frames, used in rotation.
    changes: changes of the settings, each (frame, new settings), in order.
    early: True to announce all changes before the first block; False to announce each change just before its block.
    start: the frame at which `dry` begins.
    """
    sound, waiting = dry.copy(), list(changes)
    done = n_blocks = 0
    while done < len(sound):
        end = min(len(sound), done + blocks[n_blocks % len(blocks)])
        while waiting and (early or waiting[0][0] < start + end):
            frame, settings = waiting.pop(0)
            effects.change(frame, effects.prepare(settings))
        sends = (None if send is None else send[done:end] for send in (reverb_send, chorus_send))
        effects.add(start + done, sound[done:end], *sends)
        done, n_blocks = end, n_blocks + 1
    return sound


def noise(n_frames: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """White noise of this RMS level: float32 (n_frames, 2)."""
    return (level * np.random.default_rng(seed).standard_normal((n_frames, 2))).astype(np.float32)


def silence(n_frames: int) -> np.ndarray:
    return np.zeros((n_frames, 2), np.float32)
