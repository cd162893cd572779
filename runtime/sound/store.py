"""The sounds that can be chosen by name."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.base.errors import UserError, did_you_mean
from runtime.instrument.card import Card
from runtime.instrument.library import BUNDLED_FOLDER
from runtime.sound.file import load_sound, sound_from_tree
from runtime.sound.own import SUFFIX, KnownSound, user_sounds


def card_sounds(card: Card, instrument: str) -> dict[str, KnownSound]:
    """The presets of a card as sounds, by name.

    instrument: the instrument's name.
    """
    knobs = [latent.name for latent in card.latents]
    found: dict[str, KnownSound] = {}
    for program, preset in enumerate(card.presets):
        latents = dict(zip(knobs, preset.latents, strict=True))
        said = (preset.sound or {}) | {"name": preset.name, "instrument": {"name": instrument}, "latents": latents}
        sound = sound_from_tree(said, f"{instrument}, preset {preset.name!r}")
        # Of presets with the same name, the last counts, as with --preset.
        found[preset.name] = KnownSound(preset.name, "card", sound, 0, program)
    return found


def bundled_sounds(instrument: str, first_program: int) -> dict[str, KnownSound]:
    """The sounds that come with an instrument, by name, in the order of the files' names.

    first_program: program number of the first sound.
    """
    found = {}
    for number, path in enumerate(sorted((BUNDLED_FOLDER / "sounds" / instrument).glob(f"*{SUFFIX}"))):
        sound = load_sound(path)
        found[sound.name] = KnownSound(sound.name, "bundled", path, 0, first_program + number)
    return found


def instrument_sounds(card: Card, instrument: str) -> dict[str, KnownSound]:
    """An instrument's sounds: first the card's presets, then the bundled sounds. The keys are their names."""
    return card_sounds(card, instrument) | bundled_sounds(instrument, len(card.presets))


def known_sounds(card: Card, instrument: str) -> dict[str, KnownSound]:
    """All sounds for an instrument, by name; the user's sound replaces an instrument's sound of the same name."""
    return instrument_sounds(card, instrument) | user_sounds()


def unknown_sound(name: str, card: Card, known: Iterable[str]) -> UserError:
    """The error for a name that no sound has. It suggests the most similar known name, if any is similar."""
    expected = f"a sound of {card.name}, one of your own or a .yaml file"
    nearest = did_you_mean(name, known)
    # If no name is similar, `did_you_mean` lists all names, which would be too long to read.
    remedy = nearest if nearest.startswith("did you mean") else "see: ./timbrebox presets"
    return UserError("sound's name", repr(name), expected, remedy)
