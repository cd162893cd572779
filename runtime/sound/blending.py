"""Blends sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from runtime.sound.motion import MOST_MODULATIONS, Lfo, Modulation
from runtime.sound.patch import Patch
from runtime.sound.sound import Sound

# Lengths in beats are not averaged, because their mean would seldom fit the beat.
_SWITCHED = frozenset(("beats", "rate_beats"))
# These are averaged by geometric means, because equal ratios sound like equal steps.
_RATIOS = frozenset(("rate_hz", "cutoff_hz", "vibrato_hz", "tempo_bpm"))


def blended(patches: Sequence[Patch], weights: Sequence[float]) -> Patch:
    """Blend several patches of one instrument.

    weights: one for each patch, 0 or more; their sum is 1.

    Each float of the sound and of the voice settings is a weighted mean, except lengths in beats. Everything else comes
    from the patch with the largest weight. If a patch lacks a modulation, the modulation's amount counts as 0 in this
    patch.
    """
    heaviest = patches[max(range(len(patches)), key=lambda number: weights[number])]
    pairs = [(patch, weight) for patch, weight in zip(patches, weights, strict=True) if weight > 0.0]
    if len(pairs) == 1:
        return pairs[0][0]
    parts = [weight for _, weight in pairs]
    sound = _mean([patch.sound for patch, _ in pairs], parts, heaviest.sound)
    modulation = _modulation([patch.sound for patch, _ in pairs], parts)
    voice = _mean([patch.settings.voice for patch, _ in pairs], parts, heaviest.settings.voice)
    settings = msgspec.structs.replace(heaviest.settings, voice=voice)
    return msgspec.structs.replace(
        heaviest, settings=settings, sound=msgspec.structs.replace(sound, modulation=modulation)
    )


def blended_lfo(lfos: Sequence[Lfo], weights: Sequence[float]) -> Lfo:
    """Blend the settings of one LFO in several sounds, as `blended` does."""
    pairs = [(lfo, weight) for lfo, weight in zip(lfos, weights, strict=True) if weight > 0.0]
    heaviest = lfos[max(range(len(lfos)), key=lambda number: weights[number])]
    return _mean([lfo for lfo, _ in pairs], [weight for _, weight in pairs], heaviest)


def _mean(structs: Sequence[Any], weights: Sequence[float], heaviest: Any) -> Any:
    """Copy `heaviest`, with the weighted mean for each field that is a float in all `structs`.

    The fields in _SWITCHED stay as they are in `heaviest`. Structures inside are treated in the same way.
    """
    means = {}
    for field in heaviest.__struct_fields__:
        values = [getattr(each, field) for each in structs]
        if field not in _SWITCHED and all(type(value) is float for value in values):
            means[field] = _number(values, weights, field in _RATIOS)
        elif all(isinstance(value, msgspec.Struct) and type(value) is type(values[0]) for value in values):
            means[field] = _mean(values, weights, getattr(heaviest, field))
    return msgspec.structs.replace(heaviest, **means)


def _number(values: Sequence[float], weights: Sequence[float], is_ratio: bool) -> float:
    if len(set(values)) == 1:
        return values[0]
    if is_ratio:
        product = 1.0
        for value, weight in zip(values, weights, strict=True):
            product *= value**weight
        return product
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _modulation(sounds: Sequence[Sound], weights: Sequence[float]) -> tuple[Modulation, ...]:
    found: dict[tuple[object, ...], list[tuple[Modulation, float]]] = {}
    for sound, weight in zip(sounds, weights, strict=True):
        for number, each in enumerate(sound.modulation):
            alike = sum(
                (one.source, one.target, one.scaled_by) == (each.source, each.target, each.scaled_by)
                for one in sound.modulation[:number]
            )
            found.setdefault((each.source, each.target, each.scaled_by, alike), []).append((each, weight))
    modulation = []
    for known in found.values():
        heaviest = max(known, key=lambda pair: pair[1])[0]
        amount = sum(each.amount * weight for each, weight in known)
        modulation.append(msgspec.structs.replace(heaviest, amount=max(-1.0, min(1.0, amount))))
    return tuple(modulation[:MOST_MODULATIONS])
