"""The player's knobs: the position of each target of the sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runtime.control.morph import CONTROLS, morph_of
from runtime.control.sound_knobs import SoundKnobs
from runtime.control.targets import LATENT, RANGES, SPECTRAL
from runtime.instrument.card import Card
from runtime.instrument.presets import preset_positions, start_positions
from runtime.sound.patch import Patch


class Knobs:
    """The knobs of the present sound, and those of earlier sounds whose notes are still heard.

    A knob moves in all these sounds together.

    present: the knobs of the sound that the next notes play.
    morph: that sound's morph.
    begun_at: the latents' positions when that sound was chosen.
    n_changes: grows whenever a knob or a new sound changes spectra or the blend of phases.
    moved: the targets that have moved, except latents; the reader of this set empties it.
    UserError if the settings name a preset that the instrument does not have.
    """

    def __init__(self, card: Card, patch: Patch):
        self.n_changes = 0
        self.moved: set[str] = set()
        self._latents = {f"{LATENT}{k + 1}": k for k in range(card.n_latents)}
        self._latents |= {LATENT + latent.name: k for k, latent in enumerate(card.latents)}
        self._choose(patch, _first_positions(card, patch))
        self.heard = [self.present]

    @property
    def positions(self) -> list[float]:
        """The latents' positions in the present sound, 0 to 1 each."""
        return self.present.positions

    @property
    def blend(self) -> float:
        """The present sound's blend, from 0 for noise to 1 for coherent phases."""
        return self.present.blend

    def begin(self, patch: Patch, sounding: Iterable[SoundKnobs]) -> None:
        """Choose a patch for the next notes. If it has no positions, the latents stay where they are.

        sounding: the knobs of the notes that are still heard.
        """
        positions = self.present.positions if patch.positions is None else patch.positions
        self._choose(patch, positions)
        self.heard = [self.present, *{id(each): each for each in sounding if each is not self.present}.values()]

    def _choose(self, patch: Patch, positions: Sequence[float]) -> None:
        self.begun_at = tuple(positions)
        self.present = SoundKnobs(patch, positions, self._next_number())
        self.morph = morph_of(patch, positions)
        if self.morph is None:
            return
        if patch.sound.morph is None or patch.sound.morph.at is None:
            self._follow_morph([self.present])
        else:
            self.present.follow_lfos(self.morph.lfo_rates())

    def turn(self, latent: int, position: float) -> None:
        """Move one latent to a position, clipped to 0 to 1; an unknown latent is ignored."""
        if 0 <= latent < len(self.present.positions):
            position = position if 0.0 <= position <= 1.0 else float(position > 0.5)
            for each in self.heard:
                each.positions[latent] = position
                self.n_changes = each.version = self.n_changes + 1

    def turn_blend(self, position: float) -> None:
        """Move the blend of phases to a position, clipped to 0 to 1."""
        self.move("phase_blend", position)

    def choose(self, positions: Sequence[float]) -> None:
        """Set the positions of all latents of the present sound."""
        self.present.positions[:] = positions
        self.present.version = self._next_number()

    def position(self, target: str) -> float | None:
        """A target's position, 0 to 1; None if the instrument or the sound lacks the target."""
        if target in self._latents:
            return self.present.positions[self._latents[target]]
        if target in CONTROLS:
            return self.morph.places[target] if self.morph is not None else None
        return RANGES[target].position_of(self.present.values[target]) if target in self.present.values else None

    def move(self, target: str, position: float) -> None:
        """Move a target to a position, clipped to 0 to 1; an unknown target is ignored."""
        if target in self._latents:
            self.turn(self._latents[target], position)
        elif target in CONTROLS:
            self._move_morph(target, min(1.0, max(0.0, position)))
        elif target in self.present.values:
            self.set(target, RANGES[target].value_at(min(1.0, max(0.0, position))))

    def _move_morph(self, control: str, place: float) -> None:
        if self.morph is not None:
            self.morph.move(control, place)
            self._follow_morph(self.heard)
            self.moved.update(self.present.values, CONTROLS)

    def _follow_morph(self, sounds: Iterable[SoundKnobs]) -> None:
        positions, values = self.morph.targets()
        rates = self.morph.lfo_rates()
        for each in sounds:
            each.positions[:] = positions
            each.follow_lfos(rates)
            each.morph_to(values, self.morph.nearest.sound.filter.type)
            each.version = self._next_number()

    def set(self, target: str, value: float) -> None:
        """Give a target a value in the target's unit; the target must not be a latent."""
        for each in self.heard:
            each.set(target, value)
            if target in SPECTRAL and target != "phase_blend":
                each.version = self._next_number()
        self.n_changes += target == "phase_blend"
        self.moved.add(target)

    def _next_number(self) -> int:
        self.n_changes += 1
        return self.n_changes


def _first_positions(card: Card, patch: Patch) -> tuple[float, ...]:
    if patch.positions is not None:
        return patch.positions
    preset = patch.settings.preset
    return start_positions(card) if preset is None else preset_positions(card, preset)
