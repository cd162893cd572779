"""An effect on the sound card's input; its sound is added to that of the notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from runtime.audio.block_renderer import Effect
from runtime.audio.output import AudioIn, Output

Positions = Callable[[], tuple[float, ...]]


class InputEffect(NamedTuple):
    """An effect on the sound card's input.

    audio_in: names the input.
    make: returns the effect; takes a sample rate in Hz, and a function that returns the knobs' positions.
    """

    audio_in: AudioIn
    make: Callable[[float, Positions], Effect]


def effect_on(output: Output, through: InputEffect | None, positions: Positions) -> tuple[Effect | None, list[str]]:
    """The effect for an output that is about to start, and lines to show to the user.

    The effect is None if `through` is None, or if no input is opened with the output.
    """
    if through is None:
        return None, []
    source = output.source if output.is_device else None
    if source is None:
        return None, [f"No audio input with {output.name}; only the notes are heard."]
    rate_hz = output.sample_rate_hz
    effect = through.make(rate_hz, positions)
    frame_s, buffers_s = effect.delay_frames / rate_hz, output.latency_s
    parts = f"{1000.0 * frame_s:.0f} for a frame and its work, {1000.0 * buffers_s:.0f} for the buffers"
    return effect, [f"Through: {source}, heard {1000.0 * (frame_s + buffers_s):.0f} ms later ({parts})."]
