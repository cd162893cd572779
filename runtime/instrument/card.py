"""The card: an instrument's description of itself, as JSON in its ONNX metadata."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.base.checked_yaml import checked
from runtime.base.errors import UserError
from runtime.instrument.conditioning import Conditioning

METADATA_KEY = "timbrebox"
INPUT_NAME = "latents_and_conditioning"
OUTPUT_NAME = "magnitude"
CARD_VERSION = 2
LONGEST_NAME = 200

Note = Annotated[int, msgspec.Meta(ge=0, le=127)]
Position = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Latent(msgspec.Struct, frozen=True):
    """One latent, a knob for the player: the ends of its travel and its default, in the decoder's units."""

    name: str
    min: float
    max: float
    default: float

    def value_at(self, position: float) -> float:
        """The value, in the decoder's units, at a knob position from 0 to 1."""
        return self.min + position * (self.max - self.min)

    def position_of(self, value: float) -> float:
        """The knob position of a value: 0 at min, 1 at max."""
        return (value - self.min) / (self.max - self.min)


class CardPreset(msgspec.Struct, frozen=True):
    """A named sound.

    latents: the knob position, 0 to 1, of each latent.
    sound: further settings, with the keys of a sound's YAML file (docs/sound.md); None if there are none.
    """

    name: str
    latents: tuple[Position, ...]
    sound: dict[str, Any] | None = None


class CardEncoder(msgspec.Struct, frozen=True):
    """The encoder that belongs to the decoder.

    file: name of the encoder's file, which is in the decoder's folder.
    sha256: the file's SHA-256 in hex.
    """

    file: str
    sha256: str


class Source(msgspec.Struct, frozen=True):
    """A source of the recordings that the instrument learnt from."""

    name: str
    licence: str
    url: str = ""


class Embedding(msgspec.Struct, frozen=True):
    """Some training frames, for a map of the instrument's sounds.

    latents: knob positions, 0 to 1, of each frame.
    labels: name of each frame's sound.
    map_2d: each frame's place on the map, x and y from 0 to 1.
    """

    latents: tuple[tuple[float, ...], ...]
    labels: tuple[str, ...]
    map_2d: tuple[tuple[float, float], ...]


class Check(msgspec.Struct, frozen=True):
    """Inputs of the decoder, and the outputs that it must give for them. Each is a flat list or a list of rows."""

    input: list[Any]
    output: list[Any]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument's card; unknown keys of the JSON are ignored.

    sample_rate_hz, frame_size, hop_size, window: the transform of the decoder's spectra. Its sizes are in samples.
    latents: the knobs, in the order of the decoder's inputs.
    conditioning: the meaning of the inputs after the latents.
    note_range: lowest and highest MIDI note that the model has learnt.
    presets: in the order of program changes; the first is the sound at the start.
    encoder, embedding: see their classes; None in a card of version 1.
    trajectories: format version of the trajectories in the presets' sounds; None if no preset has a trajectory.

    For users to read:
    corpus: where the sounds come from.
    licence: the instrument's licence.
    training: how the model was trained.
    measured: how well the instrument plays.
    """

    card_version: Annotated[int, msgspec.Meta(ge=1, le=CARD_VERSION)]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)] = 44100
    frame_size: Annotated[int, msgspec.Meta(ge=1024, le=65536, multiple_of=2)] = 4096
    hop_size: Annotated[int, msgspec.Meta(ge=256, le=65536)] = 1024
    window: str = "hann"
    latents: Annotated[tuple[Latent, ...], msgspec.Meta(min_length=1)]
    conditioning: Conditioning
    note_range: tuple[Note, Note]
    presets: tuple[CardPreset, ...] = ()
    encoder: CardEncoder | None = None
    sources: tuple[Source, ...] = ()
    embedding: Embedding | None = None
    trajectories: int | None = None
    corpus: Any = None
    licence: Any = None
    training: Any = None
    measured: Any = None
    check: Check

    @property
    def spec(self) -> StftSpec:
        return StftSpec(self.sample_rate_hz, self.frame_size, self.hop_size, self.window)

    @property
    def n_latents(self) -> int:
        return len(self.latents)

    @property
    def n_inputs(self) -> int:
        """Latents, then conditioning."""
        return self.n_latents + self.conditioning.size

    def latents_at(self, positions: np.ndarray) -> np.ndarray:
        """The values of the latents at some knob positions: float32 (…, n_latents), in the decoder's units.

        positions: 0 to 1, (…, n_latents).
        """
        low = np.array([latent.min for latent in self.latents], np.float32)
        high = np.array([latent.max for latent in self.latents], np.float32)
        return low + np.asarray(positions, np.float32) * (high - low)

    @property
    def default_positions(self) -> np.ndarray:
        """The knob positions, 0 to 1, at which the latents have their defaults: float32 (n_latents,)."""
        return np.array([latent.position_of(latent.default) for latent in self.latents], np.float32)

    def nearest_note(self, pitch: float) -> int:
        """As Conditioning.nearest_note."""
        return self.conditioning.nearest_note(pitch, self.note_range)

    def to_json(self) -> str:
        """The card as JSON."""
        return msgspec.json.encode(self).decode()


def parse_card(text: str, where: object) -> Card:
    """Read a card from its JSON; UserError if the card is broken or contradicts itself.

    where: the beginning of the error's text.
    """
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        found = f"broken JSON ({error})"
        raise UserError(f"{where}, card", found, "the JSON that export wrote", "export it again") from None
    card = checked(tree, Card, f"{where}, card")
    _refuse_contradictions(card, f"{where}, card")
    return card


def _refuse_contradictions(card: Card, where: str) -> None:
    def refuse(found: str, expected: str) -> None:
        raise UserError(where, found, expected, "export the instrument again")

    for name in (card.name, *(latent.name for latent in card.latents), *(preset.name for preset in card.presets)):
        if not name.isprintable() or len(name) > LONGEST_NAME:
            refuse(f"the name {name[:LONGEST_NAME]!a}", f"at most {LONGEST_NAME} characters that can be printed")
    if card.window != "hann":
        refuse(f"window {card.window!r}", "'hann'")
    if card.hop_size * 4 != card.frame_size:
        refuse(f"hop_size {card.hop_size} with frame_size {card.frame_size}", "a quarter of frame_size")
    if card.note_range[0] > card.note_range[1]:
        refuse(f"note_range {list(card.note_range)}", "lowest before highest")
    for latent in card.latents:
        if not (np.isfinite([latent.min, latent.max]).all() and latent.min < latent.max):
            refuse(f"latent {latent.name!r} from {latent.min} to {latent.max}", "min below max, both finite")
        if not latent.min <= latent.default <= latent.max:
            refuse(f"latent {latent.name!r} with default {latent.default}", f"{latent.min} to {latent.max}")
    for preset in card.presets:
        if len(preset.latents) != card.n_latents:
            refuse(f"preset {preset.name!r} of {len(preset.latents)} positions", f"{card.n_latents}")
    if card.conditioning.kind == "chroma+octave":
        lowest = card.conditioning.lowest_note
        highest = lowest + 12 * card.conditioning.n_octaves - 1
        if card.conditioning.n_octaves < 1 or lowest % 12:
            refuse(f"octaves {card.conditioning.n_octaves} from note {lowest}", "at least one octave, from a C")
        if card.note_range[0] < lowest or card.note_range[1] > highest:
            refuse(f"note_range {list(card.note_range)}", f"inside the conditioning's notes {lowest} to {highest}")
