"""Builds the rack that the settings and the sound describe, for `play`, `render` and `bench` alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runtime.config import Config
from runtime.engine.build import build_engine
from runtime.instrument.decoder import Decoder
from runtime.rack.parts import PartSettings, Playable
from runtime.rack.rack import Rack
from runtime.sound.patch import Patch

# Controls that move knobs, whatever the settings say: the sends, phase blend, and those of the map without a file.
_KNOBS = frozenset({3, *range(70, 80), 91, 93})


def playable(patch: Patch, decoder: Decoder, sample_rate_hz: int, programs: Sequence[Patch] | None = None) -> Playable:
    """An engine for a rack's part; arguments and errors as for `build_engine`."""
    engine = build_engine(patch, decoder, sample_rate_hz, programs, limits=False)
    return Playable(engine, patch.sound.effects)


def build_rack(
    patch: Patch,
    decoder: Decoder,
    sample_rate_hz: int,
    programs: Sequence[Patch] | None = None,
    **options: Any,
) -> Rack:
    """A rack with one part; options: as in `Rack`."""
    part = playable(patch, decoder, sample_rate_hz, programs), PartSettings()
    return Rack([part], patch.settings.voice.n_voices, knobs=knob_controls(patch.settings), **options)


def knob_controls(config: Config) -> frozenset[int]:
    """The numbers of the controls that move knobs."""
    return _KNOBS | frozenset(config.latent_controls) | ({config.phase_control} - {None})
