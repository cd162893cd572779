"""The present values of one chosen sound's targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from runtime.config import Adsr
from runtime.control.targets import LFO_RATES, RANGES
from runtime.sound.motion import DEFAULT_LFO_HZ
from runtime.sound.patch import Patch

ENVELOPE = "envelope."
_OPEN_HZ = 0.9999 * RANGES["filter.cutoff"].highest


class SoundKnobs:
    """The targets of one chosen sound, shared by all notes that play it.

    positions: positions of the latents, 0 to 1.
    values: the other targets by name, in the units of `targets.RANGES`.
    version: changes whenever the notes' spectra change; different for each sound.
    blend: the blend of phases, 0 to 1.
    gain: the level as a factor.
    pan: -1 to 1.
    envelope: the envelope; each stage of a note has the values that are set when the stage begins.
    filter_kind: a type of Filter, such as `low`.
    shapes: whether any target changes the decoder's spectra.
    has_bandwidth: whether the bandwidth is or was above 0.
    has_width: whether the width is or was above 0.
    rates: the LFO rates that the player has moved, in Hz, by the LFO's name. For a saved sound with a morph, they
        include the rates that were moved before the sound was saved.
    """

    __slots__ = (
        "_kind", "blend", "envelope", "filter_kind", "gain", "has_bandwidth", "has_width", "pan", "patch", "positions",
        "rates", "shapes", "values", "version",
    )  # fmt: skip

    def __init__(self, patch: Patch, positions: Sequence[float], version: int):
        settings, sound = patch.settings, patch.sound
        envelope = settings.voice.envelope
        self.patch, self.version, self.envelope = patch, version, envelope
        self.positions, self._kind = list(positions), sound.filter.type
        has_filter = sound.filter.type != "off"
        self.values = {
            "phase_blend": settings.phase_blend,
            "filter.cutoff": sound.filter.cutoff_hz if has_filter else RANGES["filter.cutoff"].highest,
            "filter.resonance": sound.filter.resonance_db if has_filter else 0.0,
            "tilt": sound.tilt_db_per_octave,
            "odd_even": sound.odd_even_db,
            "formant": sound.formant_semitones,
            "bandwidth": sound.bandwidth_cents,
            "width": sound.width,
            "level": settings.volume_db,
            "pan": settings.pan,
            "envelope.attack": envelope.attack_s,
            "envelope.decay": envelope.decay_s,
            "envelope.sustain": envelope.sustain,
            "envelope.release": envelope.release_s,
            "portamento": settings.voice.portamento_s,
            "vibrato.depth": settings.voice.vibrato_semitones,
            "vibrato.rate": settings.voice.vibrato_hz,
            "reverb": sound.effects.reverb,
            "chorus": sound.effects.chorus,
        }
        for name, target in LFO_RATES.items():
            if getattr(sound, name).beats is None:
                self.values[target] = getattr(sound, name).rate_hz or DEFAULT_LFO_HZ
        self.rates = _kept_rates(patch)
        self.has_bandwidth = self.has_width = False
        self._follow()

    def set(self, target: str, value: float) -> None:
        """Set a target other than a latent; an unknown name is ignored. value: in the target's unit."""
        if target not in self.values:
            return
        self.values[target] = value
        if target.startswith(ENVELOPE):
            self.envelope = _with_stage(self.envelope, target.removeprefix(ENVELOPE), value)
        elif target in LFO_RATES.values():
            self.rates[target.partition(".")[0]] = value
        else:
            self._follow()

    def morph_to(self, values: Mapping[str, float], filter_kind: str) -> None:
        """Set the filter's type, and all targets except latents and LFO rates."""
        self.values.update(values)
        self._kind = filter_kind
        stages = {f"{stage}_s": values[f"{ENVELOPE}{stage}"] for stage in ("attack", "decay", "release")}
        self.envelope = msgspec.structs.replace(self.envelope, sustain=values[f"{ENVELOPE}sustain"], **stages)
        self._follow()

    def follow_lfos(self, rates: Mapping[str, float]) -> None:
        """Set the LFO rates that the player has not moved. rates: in Hz, by target."""
        for name, target in LFO_RATES.items():
            if target in self.values and name not in self.rates:
                self.values[target] = rates[target]

    def _follow(self) -> None:
        values = self.values
        self.blend, self.pan = values["phase_blend"], values["pan"]
        # The patch sounds louder by `beside_db` than its target `level` says, but never louder than `level` may be.
        level_db = min(values["level"] + self.patch.beside_db, RANGES["level"].highest)
        self.gain = 10.0 ** (level_db / 20.0)
        kind = self._kind
        # A sound without a filter gets one when the player turns down the cutoff.
        is_open = values["filter.cutoff"] >= _OPEN_HZ
        self.filter_kind = "low" if kind == "off" and not is_open else kind
        self.has_bandwidth |= values["bandwidth"] > 0.0
        self.has_width |= values["width"] > 0.0
        self.shapes = (
            self.filter_kind != "off"
            or self.has_bandwidth
            or self.has_width
            or values["tilt"] != 0.0
            or values["odd_even"] != 0.0
            or values["formant"] != 0.0
        )


def _with_stage(envelope: Adsr, stage: str, value: float) -> Adsr:
    field = stage if stage == "sustain" else f"{stage}_s"
    return msgspec.structs.replace(envelope, **{field: value})


def _kept_rates(patch: Patch) -> dict[str, float]:
    """The LFO rates, in Hz, that the player moved before the sound was saved; empty for a sound without a morph."""
    morph = patch.sound.morph
    if patch.morph is None or morph is None or morph.at is None:
        return {}
    rates = {name: getattr(patch.sound, name).rate_hz for name in LFO_RATES}
    return {name: rate_hz for name, rate_hz in rates.items() if rate_hz is not None}
