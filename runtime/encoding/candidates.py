"""Encodes a recording as one or more sounds, the most likely first.

Each sound comes from a reading: one way to understand the recording, for example as a note an octave higher. In the
engine, a reading is something else (docs/engine.md).
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.encoding.hearing import Take, takes_of
from runtime.encoding.played_level import with_played_level
from runtime.encoding.reading import Reading, read_take, steady_reading
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import Encoder
from runtime.instrument.session import LARGEST_ONNX_BYTES
from runtime.recordings.reading import FORMATS, UnusableError, mono_blocks
from runtime.sound.sound import LONGEST_NAME, Sound, SoundEnvelope, SoundInstrument
from runtime.sound.trajectory.packing import pack
from runtime.sound.trajectory.use import SoundTrajectory

MOST_CANDIDATES = 4
LONGEST_READ_S = 300.0
# A reading's distance is how far its sound is from the recording. The reading in the other octave comes first if its
# distance is at least MUCH_NEARER_DB smaller than that of the reading at the heard note. The steady reading is offered
# if its distance is at most NEAR_DB larger than that of the first reading.
NEAR_DB, MUCH_NEARER_DB = 1.0, 0.5
# Times of the sound's envelope. If the recording has no release, the sound's release lasts USUAL_RELEASE_S.
ATTACK_S, SHORTEST_RELEASE_S, LONGEST_RELEASE_S, USUAL_RELEASE_S = 0.001, 0.05, 5.0, 0.25


class Options(NamedTuple):
    """What the user asks for.

    most: the largest number of candidates.
    colour: how much of the colour curve (see colour.py) is applied, 0 to 1.
    keeps_tuning: whether a recording that is out of tune stays out of tune.
    around: the knob positions around which the sound moves, (n_latents,); None to search for the best positions.
    """

    most: int = MOST_CANDIDATES
    colour: float = 1.0
    keeps_tuning: bool = False
    around: np.ndarray | None = None


class Candidate(NamedTuple):
    """A reading and its sound.

    kind: how the reading differs from the first reading, such as `steady`; empty for the first reading.
    """

    reading: Reading
    kind: str
    sound: Sound


class Coder(NamedTuple):
    """An instrument with its encoder. made_for: the instrument's name and SHA-256, which each new sound stores."""

    decoder: Decoder
    encoder: Encoder
    made_for: SoundInstrument


def coder_of(decoder: Decoder, encoder: Encoder) -> Coder:
    """Make a Coder; computes the SHA-256 of the decoder's file."""
    content = read_bounded_file(decoder.path, "an .onnx instrument", LARGEST_ONNX_BYTES)
    made_for = SoundInstrument(decoder.path.stem, hashlib.sha256(content).hexdigest())
    return Coder(decoder, encoder, made_for)


def encode_recording(path: Path, coder: Coder, options: Options) -> list[Candidate]:
    """The candidates for a recording, the most likely first; UserError if the file is unreadable or silent."""
    spec = coder.decoder.card.spec
    try:
        takes = takes_of(_samples(path, spec.sample_rate_hz), spec, options.keeps_tuning)
    except UnusableError as error:
        raise UserError(path, str(error), f"a recording: {FORMATS}", "give another file") from None
    if not takes:
        raise UserError(path, "nothing but silence", "a recording with sound in it", "give another file")
    readings = _readings(takes, coder, options)
    return [
        _candidate(reading, kind, f"{path.stem}{kind and f', {kind}'}", coder, options)
        for reading, kind in readings[: options.most]
    ]


def _candidate(reading: Reading, kind: str, name: str, coder: Coder, options: Options) -> Candidate:
    reading = with_played_level(reading, sound_of(reading, name, coder, options), coder.decoder)
    return Candidate(reading, kind, sound_of(reading, name, coder, options))


def _samples(path: Path, sample_rate_hz: int) -> np.ndarray:
    blocks, n_left = [], round(LONGEST_READ_S * sample_rate_hz)
    for block in mono_blocks(path, sample_rate_hz):
        blocks.append(block[:n_left])
        n_left -= len(block)
        if n_left <= 0:
            break
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _readings(takes: list[Take], coder: Coder, options: Options) -> list[tuple[Reading, str]]:
    take, (decoder, encoder, _) = takes[0], coder
    how = options.colour, options.around
    first = read_take(take, take.pitch.note, decoder, encoder, *how)
    found = [(first, "")]
    if take.pitch.other_octave is not None:
        other = read_take(take, take.pitch.other_octave, decoder, encoder, *how)
        if other.distance_db <= first.distance_db - MUCH_NEARER_DB:
            first, other = other, first
        found = [(first, ""), (other, "an octave up" if other.note > first.note else "an octave down")]
    if options.most == 1:
        return found
    steady = steady_reading(first, decoder)
    if steady.distance_db <= first.distance_db + NEAR_DB:
        found.append((steady, "steady"))
    for number, later in enumerate(takes[1 : options.most], start=2):
        found.append((read_take(later, later.pitch.note, decoder, encoder, *how), f"note {number}"))
    return found


def sound_of(reading: Reading, name: str, coder: Coder, options: Options) -> Sound:
    """The sound of a reading (see the top of this file), with its steady knob positions and its trajectory."""
    knobs = [latent.name for latent in coder.decoder.card.latents]
    content = base64.b64encode(pack(reading.trajectory, name)).decode()
    return Sound(
        name="".join(character for character in name if character.isprintable())[:LONGEST_NAME].strip() or "recording",
        instrument=coder.made_for,
        latents={knob: round(float(p), 4) for knob, p in zip(knobs, reading.positions, strict=True)},
        phase_blend=1.0 if reading.take.pitch.is_single else 0.0,
        # The trajectory contains the changes of level, so the envelope is flat until the release.
        envelope=SoundEnvelope(
            attack_s=ATTACK_S, hold_s=0.0, decay_s=0.0, sustain=1.0, release_s=_release_s(reading), curve=0.0
        ),
        # `key` is the recorded note. The engine plays the other keys as loud as this one.
        trajectory=SoundTrajectory(inline=content, colour=options.colour, key=reading.note),
    )


def _release_s(reading: Reading) -> float:
    marks = reading.marks
    if marks.release_s is None:
        return USUAL_RELEASE_S
    return round(float(np.clip(1.2 * (marks.end_s - marks.release_s), SHORTEST_RELEASE_S, LONGEST_RELEASE_S)), 3)
