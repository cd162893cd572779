"""The card: what an instrument file says of itself, stored as JSON in the ONNX metadata under `timbrebox`."""

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
CARD_VERSION = 1

Note = Annotated[int, msgspec.Meta(ge=0, le=127)]
Position = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Latent(msgspec.Struct, frozen=True):
    """One knob: `min` and `max` bound its playable travel, `default` is where it starts; all in the decoder's units."""

    name: str
    min: float
    max: float
    default: float


class CardPreset(msgspec.Struct, frozen=True):
    """A named sound: one position, 0 to 1 of the playable travel, per latent."""

    name: str
    latents: tuple[Position, ...]


class Check(msgspec.Struct, frozen=True):
    """A recorded pair of decoder input and output, flat or as rows, that loading verifies."""

    input: list[Any]
    output: list[Any]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the runtime must know of a decoder. Keys that it does not know are kept out, never refused."""

    card_version: Annotated[int, msgspec.Meta(ge=1, le=CARD_VERSION)]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    sample_rate_hz: Annotated[int, msgspec.Meta(ge=8000, le=192000)] = 44100
    frame_size: Annotated[int, msgspec.Meta(ge=64, le=65536, multiple_of=2)] = 4096
    hop_size: Annotated[int, msgspec.Meta(ge=16, le=65536)] = 1024
    window: str = "hann"
    latents: Annotated[tuple[Latent, ...], msgspec.Meta(min_length=1)]
    conditioning: Conditioning
    note_range: tuple[Note, Note]
    presets: tuple[CardPreset, ...] = ()
    corpus: Any = None
    licence: Any = None
    training: Any = None
    measured: Any = None
    check: Check

    @property
    def spec(self) -> StftSpec:
        """The transform that the decoder's frames belong to."""
        return StftSpec(self.sample_rate_hz, self.frame_size, self.hop_size, self.window)

    @property
    def n_latents(self) -> int:
        """Number of knobs."""
        return len(self.latents)

    @property
    def n_inputs(self) -> int:
        """Width of the decoder's input: latents, then conditioning."""
        return self.n_latents + self.conditioning.size

    def latents_at(self, positions: np.ndarray) -> np.ndarray:
        """Latents in the decoder's units, float32, of knob positions 0 to 1 (…, n_latents)."""
        low = np.array([latent.min for latent in self.latents], np.float32)
        high = np.array([latent.max for latent in self.latents], np.float32)
        return low + np.asarray(positions, np.float32) * (high - low)

    @property
    def default_positions(self) -> np.ndarray:
        """Knob positions 0 to 1, float32 (n_latents,), of the latents' defaults."""
        return np.array([(k.default - k.min) / (k.max - k.min) for k in self.latents], np.float32)

    def to_json(self) -> str:
        """The card as it stands in the file's metadata."""
        return msgspec.json.encode(self).decode()


def parse_card(text: str, where: object) -> Card:
    """The card of a metadata string; UserError, naming `where`, if it is broken or contradicts itself."""
    try:
        tree = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        found = f"broken JSON ({error})"
        raise UserError(f"{where}, card", found, "the JSON that export wrote", "export it again") from None
    card = checked(tree, Card, f"{where}, card")
    _refuse_contradictions(card, f"{where}, card")
    return card


def _refuse_contradictions(card: Card, where: str) -> None:
    def refuse(found: str, expected: str) -> None:
        raise UserError(where, found, expected, "export the instrument again")

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
