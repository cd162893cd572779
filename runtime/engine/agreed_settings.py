"""Finds an engine's settings from the engine's arguments."""

from __future__ import annotations

import msgspec

from runtime.config import Config


def agreed_settings(config: Config | None, n_voices: int | None, seed: int | None) -> Config:
    """Return `config`; if it is None, return the default settings with n_voices and seed.

    ValueError if n_voices or seed contradicts `config`.
    """
    if config is None:
        defaults = Config()
        voice = defaults.voice if n_voices is None else msgspec.structs.replace(defaults.voice, n_voices=n_voices)
        return msgspec.structs.replace(defaults, voice=voice, seed=seed or 0)
    for name, given, set_to in (("n_voices", n_voices, config.voice.n_voices), ("seed", seed, config.seed)):
        if given is not None and given != set_to:
            raise ValueError(f"{name} is {given} as an argument and {set_to} in the settings; give it once")
    return config
