"""Builds racks of the tiny instruments for tests."""

from __future__ import annotations

from typing import Any

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import KnobTurn
from runtime.rack.parts import PartSettings, Playable
from runtime.rack.rack import Rack
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound
from tests.support.playing import SAMPLE_RATE_HZ, SHORT, decoder


def patch_of(n_voices: int = 8, mode: str = "poly", envelope: Adsr = SHORT, seed: int = 7, **sound: Any) -> Patch:
    voice = VoiceConfig(mode=mode, n_voices=n_voices, envelope=envelope)
    return Patch(Config(voice=voice, seed=seed), Sound(**sound))


def engine_of(patch: Patch, instrument: str = "tiny", limits: bool = False) -> Engine:
    """An engine for a rack's part. All its knobs are at 0, so only the fundamental of each note is heard."""
    engine = Engine(decoder(instrument), sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, limits=limits)
    for latent in range(engine.instrument.card.n_latents):
        engine.post(KnobTurn(latent, 0.0))
    return engine


def playable_of(patch: Patch, instrument: str = "tiny") -> Playable:
    return Playable(engine_of(patch, instrument), patch.sound)


def rack_of(
    *settings: PartSettings, patch: Patch | None = None, instruments: tuple[str, ...] = ("tiny",), **options: Any
) -> Rack:
    patch = patch or patch_of()
    settings = settings or (PartSettings(),)
    parts = [(playable_of(patch, instruments[number % len(instruments)]), each) for number, each in enumerate(settings)]
    return Rack(parts, patch.settings.voice.n_voices, **options)
