"""Makes a preset for each sound of the corpus, from the recordings of the sound."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from export.preset_places import Place, better_places
from export.sounds.measure import CHORD, loudness_lufs, play
from runtime.base.progress import Progress
from runtime.config import Config
from runtime.encoding.candidates import Coder, Options, encode_recording
from runtime.instrument.card import CardPreset
from runtime.sound.file import sound_tree
from runtime.sound.settings import with_sound
from runtime.sound.sound import Sound
from runtime.sound.trajectory.packing import pack, unpack
from runtime.sound.trajectory.use import SoundTrajectory
from training.corpus.frames import Clip, FrameStore, sound_name
from training.instrument.knobs import positions_of
from training.measure.likeness import takes_of

MOST_PRESETS = 32
MOST_KEYS = 4
LOUDNESS_LUFS = -10.0  # loudness of CHORD when it is played with a preset


def sounds_of(store: FrameStore) -> dict[str, list[Clip]]:
    """The training recordings of each sound, by the sound's name: in the corpus's order, without transposed copies."""
    found: dict[str, dict[str, Clip]] = {}
    for clip in store.clips:
        if not clip.transposed and clip.split == "train":
            found.setdefault(sound_name(clip), {})[clip.name] = clip
    return {name: list(clips.values()) for name, clips in found.items()}


def steady_presets(store: FrameStore, rows: np.ndarray, latents: np.ndarray, knobs: tuple) -> list[CardPreset]:
    """One preset for each sound, at the mean knob positions of the sound's frames; transposed copies do not count.

    rows: numbers of the training frames in the store, int (n,).
    latents: the latents of these frames, (n, n_latents).
    """
    names = np.array([sound_name(clip) if not clip.transposed else "" for clip in store.clips])[store.clip[rows]]
    positions = positions_of(latents, knobs)
    return [
        CardPreset(name, tuple(positions[names == name].mean(axis=0).round(4).tolist())) for name in sounds_of(store)
    ]


def moving_presets(coder: Coder, store: FrameStore, recordings: Path, left_out: Sequence[str] = ()) -> list[CardPreset]:
    """One preset for each sound that is not in `left_out`; all presets are equally loud.

    A preset has up to MOST_KEYS trajectories, each made from one recording of the sound. A trajectory moves as its
    recording does, around the knob positions that `better_places` chooses.
    recordings: the folder with the recordings; a clip's name is a path in this folder.
    """
    card, knobs = coder.decoder.card, [latent.name for latent in coder.decoder.card.latents]
    chosen = {name: _spread(clips) for name, clips in sounds_of(store).items() if name not in left_out}
    encoded = {name: _encoded(clips, coder, recordings, [None] * len(clips)) for name, clips in chosen.items()}
    places = {name: _place(clips, encoded[name], knobs) for name, clips in chosen.items()}
    takes = [take for take in takes_of(store, card.conditioning.notes) if not (take.transposed or take.held_out)]
    better = better_places(coder.decoder, places, takes)
    presets = []
    with Progress("sounds", len(chosen)) as progress:
        for number, (name, clips) in enumerate(chosen.items()):
            moved = better[name].positions - places[name].positions
            pairs = zip(encoded[name], moved, strict=True)
            around = [(_steady(sound, knobs) + by).clip(0.0, 1.0) for sound, by in pairs]
            sound = _joined(name, clips, _encoded(clips, coder, recordings, around), knobs)
            sound = _levelled(sound, coder)
            presets.append(CardPreset(name, tuple(sound.latents.values()), _said(sound)))
            progress.update(number + 1, name)
    return presets


def positions_at(presets: Sequence[CardPreset], knobs: Sequence[str], note: int) -> np.ndarray:
    """The presets' knob positions at a MIDI note, float (n_presets, n_latents).

    A trajectory counts with its mean over time. Between the keys of a preset's trajectories, the positions are linearly
    interpolated, as in the engine.
    """
    rows = []
    for preset in presets:
        uses = (preset.sound or {}).get("trajectory", [])
        means = {
            use.get("key", note): _mean_offset(use["inline"], knobs, preset.name)
            for use in (uses if isinstance(uses, list) else [uses])
        }
        offsets = np.array([means[key] for key in sorted(means)] or [np.zeros(len(knobs))])
        place = Place(tuple(sorted(means)) or (note,), np.clip(np.array(preset.latents) + offsets, 0.0, 1.0))
        rows.append(place.at(note))
    return np.array(rows)


def _spread(clips: list[Clip]) -> list[Clip]:
    """At most MOST_KEYS recordings, spread evenly over the recorded notes, all with the sound's highest velocity."""
    layer = max((clip.velocity or 0) for clip in clips)
    clips = sorted((clip for clip in clips if (clip.velocity or 0) == layer), key=lambda clip: clip.note or 0)
    by_note = list({clip.note: clip for clip in clips}.values())
    if len(by_note) <= MOST_KEYS:
        return by_note
    # Halves are rounded up: `round` would round them to even numbers, and so choose one recording twice.
    places = np.floor(np.linspace(0, len(by_note) - 1, 2 * MOST_KEYS + 1)[1::2] + 0.5).astype(int)
    return [by_note[place] for place in places]


def _encoded(clips: list[Clip], coder: Coder, recordings: Path, around: Sequence[np.ndarray | None]) -> list[Sound]:
    """Encode each recording as a sound.

    around: for each recording, the knob positions around which its sound moves, or None to search for them.
    """
    pairs = zip(clips, around, strict=True)
    return [encode_recording(recordings / clip.name, coder, Options(1, around=at))[0].sound for clip, at in pairs]


def _steady(sound: Sound, knobs: Sequence[str]) -> np.ndarray:
    return np.array([sound.latents[knob] for knob in knobs])


def _mean_offset(packed: str, knobs: Sequence[str], where: str) -> np.ndarray:
    """The mean over time of a packed trajectory's offsets, (n_latents,). where: the trajectory's name in errors."""
    read = unpack(base64.b64decode(packed), where)
    offset = dict(zip(read.knobs, read.latents.mean(axis=0).tolist(), strict=True))
    return np.array([offset.get(knob, 0.0) for knob in knobs])


def _place(clips: list[Clip], sounds: list[Sound], knobs: Sequence[str]) -> Place:
    """The place from which `better_places` starts: at each recording's note, the recording's mean knob positions."""
    means = [_steady(sound, knobs) + _mean_offset(sound.trajectory.inline, knobs, sound.name) for sound in sounds]
    return Place(tuple(clip.note for clip in clips), np.clip(np.array(means), 0.0, 1.0))


def _joined(name: str, clips: list[Clip], sounds: list[Sound], knobs: Sequence[str]) -> Sound:
    """Join the sounds of several recordings into one sound.

    Its knob positions are the means of their knob positions. It has all their trajectories, each at the note of its
    recording; a single trajectory is for all notes.
    """
    own = np.array([_steady(sound, knobs) for sound in sounds])
    common = own.mean(axis=0).round(4)
    uses = []
    for clip, sound, positions in zip(clips, sounds, own, strict=True):
        read = unpack(base64.b64decode(sound.trajectory.inline), name)
        offset = dict(zip(knobs, positions - common, strict=True))
        shifted = read.latents + np.array([offset[knob] for knob in read.knobs], np.float32)
        moved = replace(read, latents=shifted.clip(-1.0, 1.0))
        key = clip.note if len(clips) > 1 else None
        uses.append(SoundTrajectory(inline=base64.b64encode(pack(moved, name)).decode(), key=key))
    return msgspec.structs.replace(
        sounds[0],
        name=name,
        latents=dict(zip(knobs, common.tolist(), strict=True)),
        trajectory=uses if len(uses) > 1 else uses[0],
    )


def _levelled(sound: Sound, coder: Coder) -> Sound:
    """The sound with a new level, at which CHORD has the loudness LOUDNESS_LUFS."""
    patch = with_sound(Config(), sound, coder.decoder.card, sound.name)
    level_db = LOUDNESS_LUFS - loudness_lufs(play(coder.decoder, patch, CHORD).sound)
    return msgspec.structs.replace(sound, level_db=round(float(np.clip(level_db, -60.0, 12.0)), 1))


def _said(sound: Sound) -> dict[str, Any]:
    tree = sound_tree(sound)
    return {key: value for key, value in tree.items() if key not in ("sound_version", "name", "instrument", "latents")}
