"""Presets that are sounds of the corpus: each is named after a sound, and plays as that sound's recordings do."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from export.sounds.measure import loudness_lufs, play
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

MOST_PRESETS = 32
MOST_KEYS = 4
CHORD = (60, 64, 67)
LOUDNESS_LUFS = -10.0  # loudness of a chord, the same as in the virtual analogue


def sounds_of(store: FrameStore) -> dict[str, list[Clip]]:
    """The recordings of each sound, by name, in the corpus's order; without transposed copies and held-out ones."""
    found: dict[str, dict[str, Clip]] = {}
    for clip in store.clips:
        if not clip.transposed and clip.split == "train":
            found.setdefault(sound_name(clip), {})[clip.name] = clip
    return {name: list(clips.values()) for name, clips in found.items()}


def steady_presets(store: FrameStore, rows: np.ndarray, latents: np.ndarray, knobs: tuple) -> list[CardPreset]:
    """One preset per sound: the mean knob positions of its frames.

    rows: numbers of the training frames in the store, int (n,); latents: latents of these frames, (n, n_latents).
    """
    names = np.array([sound_name(clip) if not clip.transposed else "" for clip in store.clips])[store.clip[rows]]
    positions = positions_of(latents, knobs)
    return [
        CardPreset(name, tuple(positions[names == name].mean(axis=0).round(4).tolist())) for name in sounds_of(store)
    ]


def moving_presets(coder: Coder, store: FrameStore, recordings: Path) -> list[CardPreset]:
    """One preset per sound, with up to MOST_KEYS trajectories of its recordings; all presets are equally loud.

    recordings: the folder to which the clips' names are relative.
    """
    sounds = sounds_of(store)
    presets = []
    with Progress("sounds", len(sounds)) as progress:
        for number, (name, clips) in enumerate(sounds.items()):
            sound = _levelled(_sound(name, _spread(clips), coder, recordings), coder)
            positions = tuple(sound.latents.values())
            presets.append(CardPreset(name, positions, _said(sound)))
            progress.update(number + 1, name)
    return presets


def positions_at(presets: Sequence[CardPreset], knobs: Sequence[str], note: int) -> np.ndarray:
    """The mean knob positions, float (n_presets, n_latents), with which presets play a MIDI note.

    Between the keys of a preset's trajectories the positions are linearly interpolated, as in the engine.
    """
    rows = []
    for preset in presets:
        uses = (preset.sound or {}).get("trajectory", [])
        means = {}
        for use in uses if isinstance(uses, list) else [uses]:
            read = unpack(base64.b64decode(use["inline"]), preset.name)
            offset = dict(zip(read.knobs, read.latents.mean(axis=0).tolist(), strict=True))
            means[use.get("key", note)] = [offset.get(knob, 0.0) for knob in knobs]
        offsets = np.zeros(len(knobs))
        if means:
            keys = sorted(means)
            columns = np.array([means[key] for key in keys]).T
            offsets = np.array([np.interp(note, keys, column) for column in columns])
        rows.append(np.clip(np.array(preset.latents) + offsets, 0.0, 1.0))
    return np.array(rows)


def _spread(clips: list[Clip]) -> list[Clip]:
    """At most MOST_KEYS of a sound's recordings, evenly over its range, from its loudest velocity layer."""
    layer = max((clip.velocity or 0) for clip in clips)
    clips = sorted((clip for clip in clips if (clip.velocity or 0) == layer), key=lambda clip: clip.note or 0)
    by_note = list({clip.note: clip for clip in clips}.values())
    if len(by_note) <= MOST_KEYS:
        return by_note
    # Halves are rounded up: rounding them to even would choose one recording twice.
    places = np.floor(np.linspace(0, len(by_note) - 1, 2 * MOST_KEYS + 1)[1::2] + 0.5).astype(int)
    return [by_note[place] for place in places]


def _sound(name: str, clips: list[Clip], coder: Coder, recordings: Path) -> Sound:
    """One sound from several recordings: their mean knob positions, and for each a trajectory at its key."""
    options = Options(most=1)
    sounds = [encode_recording(recordings / clip.name, coder, options)[0].sound for clip in clips]
    knobs = tuple(latent.name for latent in coder.decoder.card.latents)
    own = np.array([[sound.latents[knob] for knob in knobs] for sound in sounds])
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
    """The sound with the level that gives a chord LOUDNESS_LUFS."""
    patch = with_sound(Config(), sound, coder.decoder.card, sound.name)
    level_db = LOUDNESS_LUFS - loudness_lufs(play(coder.decoder, patch, CHORD).sound)
    return msgspec.structs.replace(sound, level_db=round(float(np.clip(level_db, -60.0, 12.0)), 1))


def _said(sound: Sound) -> dict[str, Any]:
    tree = sound_tree(sound)
    return {key: value for key, value in tree.items() if key not in ("sound_version", "name", "instrument", "latents")}
