"""Makes the gallery's pairs: a note of a recorded sound, then the same note of the preset with that sound's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from export.gallery.audio import LOUDNESS_LUFS, faded, note, render
from export.gallery.cast import Heard
from export.sounds.measure import SAMPLE_RATE_HZ, loudness_lufs
from runtime.acoustics.pitch import note_name
from runtime.acoustics.spectrum import magnitude_frames
from runtime.acoustics.timbre_distance import band_levels_db, distance_db
from runtime.base.errors import UserError
from runtime.instrument.decoder import Decoder
from runtime.recordings.reading import UnusableError, mono_blocks
from training.corpus.manifest import listed
from training.corpus.recordings import Recording

MOST_PAIRS = 4
LONGEST_S, FADE_S = 2.2, 0.15
PAUSE_S, LONG_PAUSE_S = 0.25, 0.7  # the pauses inside a pair, and between two pairs
VELOCITY = 100
ONSET = 10.0 ** (-40.0 / 20.0)  # a recording begins at the first sample above ONSET times its loudest sample
MANIFEST = "manifest.csv"


class Pair(NamedTuple):
    """A recorded note, and the same note of the instrument, equally loud.

    sound: the name of the recorded sound and of the preset.
    note: the MIDI note.
    recorded, played: the samples of the two notes, mono float32 (n_samples,).
    apart_db: the distance between the timbres of the two notes; see runtime/acoustics/timbre_distance.py.
    """

    sound: str
    note: int
    recorded: np.ndarray
    played: np.ndarray
    apart_db: float

    @property
    def title(self) -> str:
        return f"{self.sound}, {note_name(self.note)}"


def make_pairs(instrument: Decoder, sounds: Sequence[Heard], recordings: Path | None) -> list[Pair]:
    """Make at most MOST_PAIRS pairs, each with a preset that is named after a recorded sound.

    sounds: all presets. If more than MOST_PAIRS have a recorded sound's name, evenly spaced ones of these are taken.
    recordings: the folder of the recordings, or None. With None, or without a manifest in the folder, no pair is made.
    """
    if recordings is None or not (recordings / MANIFEST).is_file():
        return []
    by_sound: dict[str, list[Recording]] = {}
    for recording in listed(recordings / MANIFEST, recordings):
        if recording.note is not None:
            by_sound.setdefault(recording.sound, []).append(recording)
    known = [heard for heard in sounds if heard.name in by_sound]
    places = np.linspace(0, len(known) - 1, min(MOST_PAIRS, len(known))).round().astype(int)
    chosen = [known[place] for place in places]
    return [_pair(instrument, heard, _middle(by_sound[heard.name])) for heard in chosen]


def joined(pairs: Sequence[Pair]) -> np.ndarray:
    """All pairs one after the other, with short pauses; mono float32 (n_samples,)."""
    parts = []
    for pair in pairs:
        parts += [pair.recorded, _pause(PAUSE_S), pair.played, _pause(LONG_PAUSE_S)]
    return np.concatenate(parts[:-1])


def _middle(own: Sequence[Recording]) -> Recording:
    """The recording of a sound's middle note; of several, the one whose velocity is nearest to VELOCITY."""
    ranked = sorted(own, key=lambda one: abs((one.velocity or VELOCITY) - VELOCITY), reverse=True)
    by_note = {one.note: one for one in ranked}
    return by_note[sorted(by_note)[len(by_note) // 2]]


def _pair(instrument: Decoder, heard: Heard, recording: Recording) -> Pair:
    recorded = _equally_loud(faded(_beginning(recording.path), FADE_S))
    events = note(0.0, len(recorded) / SAMPLE_RATE_HZ, recording.note, recording.velocity or VELOCITY)
    rendered = render(instrument, heard.patch, events).mean(axis=1)[: len(recorded)]
    played = _equally_loud(faded(np.pad(rendered, (0, len(recorded) - len(rendered))), FADE_S))
    n = min(len(recorded), len(played)) - round(FADE_S * SAMPLE_RATE_HZ)
    levels = [band_levels_db(magnitude_frames(sound[:n])) for sound in (recorded, played)]
    return Pair(heard.name, recording.note, recorded, played, distance_db(*levels))


def _beginning(path: Path) -> np.ndarray:
    """A recording from its onset, at most LONGEST_S long; UserError if the file cannot be read."""
    try:
        samples = np.concatenate(list(mono_blocks(path, SAMPLE_RATE_HZ)))
    except UnusableError as error:
        raise UserError(path, str(error), "a recording", "leave its line out of the manifest") from None
    start = int(np.argmax(np.abs(samples) > np.abs(samples).max() * ONSET))
    return samples[start : start + round(LONGEST_S * SAMPLE_RATE_HZ)].astype(np.float32)


def _equally_loud(sound: np.ndarray) -> np.ndarray:
    """Amplify a sound so that its loudest 0.4 s have the loudness LOUDNESS_LUFS.

    The mean loudness would not do: a struck note begins louder than a held note with the same mean.
    """
    return sound * 10.0 ** ((LOUDNESS_LUFS - loudness_lufs(np.stack([sound, sound], axis=1))) / 20.0)


def _pause(length_s: float) -> np.ndarray:
    return np.zeros(round(length_s * SAMPLE_RATE_HZ), np.float32)
