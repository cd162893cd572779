"""Chooses presets: sounds of the corpus that play in tune and differ from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.acoustics.heard_pitch import in_tune
from runtime.acoustics.pitch import N_CHROMA, chroma_fold
from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.card import CardPreset, Latent
from training.corpus.frames import FrameStore, sound_name
from training.hearing.harmonics import energy_shares
from training.instrument.embedding import decoder_inputs, embed_rows
from training.instrument.knobs import positions_of
from training.model.run_folder import TrainedRun

MIDDLE_SEMITONES = 36


@dataclass(frozen=True)
class Candidate:
    """A sound of the corpus at one point of the latent space. score: how well the decoder plays there, 0 to 1."""

    name: str
    latents: np.ndarray
    score: float


def choose_presets(run: TrainedRun, store: FrameStore, knobs: tuple[Latent, ...], n: int) -> list[CardPreset]:
    """At most n presets: first the best candidate, then good candidates far from those already chosen.

    knobs: one per latent; a preset stores a position along each knob's travel, 0 to 1.
    """
    candidates = sorted(score_candidates(run, store, knobs), key=lambda candidate: -candidate.score)
    positions = positions_of(np.array([candidate.latents for candidate in candidates]), knobs)
    scores = np.array([candidate.score for candidate in candidates])
    chosen = [0]
    while len(chosen) < min(n, len(candidates)):
        distance = np.linalg.norm(positions[:, None] - positions[chosen], axis=-1).min(axis=1)
        worth = distance * scores**2
        worth[chosen] = -1.0
        if worth.max() <= 0.0:
            break
        chosen.append(int(worth.argmax()))
    return [CardPreset(candidates[index].name, tuple(positions[index].round(4).tolist())) for index in chosen]


def score_candidates(run: TrainedRun, store: FrameStore, knobs: tuple[Latent, ...]) -> list[Candidate]:
    """One candidate for each sound: the one with the highest score among the sound's medians (`patch_places`)."""
    names, latents = patch_places(run, store)
    latents = latents.clip([knob.min for knob in knobs], [knob.max for knob in knobs])
    best: dict[str, Candidate] = {}
    for name, place, score in zip(names, latents, _scores(run, store, latents), strict=True):
        if name not in best or score > best[name].score:
            best[name] = Candidate(name, place, score)
    return list(best.values())


def _scores(run: TrainedRun, store: FrameStore, latents: np.ndarray) -> list[float]:
    """The score, 0 to 1, of each point of the latent space. latents: the points, (n, n_latents)."""
    conditioning = run.record.conditioning
    if conditioning.kind == "none":  # no notes to judge: a sound near the median of all sounds scores best
        distance = np.linalg.norm(latents - np.median(latents, axis=0), axis=1)
        return (1.0 - distance / max(distance.max(), 1e-9)).tolist()
    notes = np.arange(N_CHROMA) if conditioning.kind == "chroma" else known_notes(store)
    score = chroma_score if conditioning.kind == "chroma" else pitch_score
    scores = []
    for place in latents:
        frames = run.decode(decoder_inputs(run, np.repeat(place[None], len(notes), axis=0), notes))
        scores.append(score(frames, notes, store.spec))
    return scores


def patch_places(run: TrainedRun, store: FrameStore) -> tuple[list[str], np.ndarray]:
    """The medians of each sound's latents: one over all its training frames, and one over those of each octave.

    A latent may follow the pitch, so each octave has a median of its own.

    Returns a list of n names, and the n medians, (n, n_latents). Each name is that of the median's sound.
    """
    rows = store.rows("train")
    latents = embed_rows(run, store, rows)
    patches = np.array([sound_name(clip) for clip in store.clips])[store.clip[rows]]
    octaves = store.note[rows] // N_CHROMA
    names, places = [], []
    for name in sorted(set(patches.tolist())):
        own = patches == name
        groups = [own, *(own & (octaves == octave) for octave in np.unique(octaves[own]))]
        names += [name] * len(groups)
        places += [np.median(latents[group], axis=0) for group in groups]
    return names, np.array(places)


def known_notes(store: FrameStore) -> np.ndarray:
    """The known MIDI notes of the training frames, rising."""
    notes = np.unique(store.note[store.rows("train")])
    return notes[notes >= 0].astype(int)


def chroma_score(magnitudes: np.ndarray, pitch_classes: np.ndarray, spec: StftSpec) -> float:
    """The share of a frame's energy, 0 to 1, that lies on the pitch class asked for: the mean over the frames.

    magnitudes: the frames, (n, n_bins).
    pitch_classes: the one asked for in each frame, (n,).
    """
    energy = np.square(magnitudes) @ chroma_fold(magnitudes.shape[1], spec.bin_hz)
    asked = energy[np.arange(len(energy)), pitch_classes % N_CHROMA]
    return float((asked / energy.sum(axis=1).clip(1e-12)).mean())


def pitch_score(magnitudes: np.ndarray, notes: np.ndarray, spec: StftSpec) -> float:
    """How well frames play their notes: middle^4 * heard * on_harmonics, 0 to 1.

    In this formula:
    - heard: the share of notes that are heard in tune
    - middle: the same share for the middle three octaves of `notes` alone, where a wrong note is worst
    - on_harmonics: the mean share of a frame's energy that lies on its note's harmonics

    magnitudes: the frames, (n, n_bins).
    notes: each frame's MIDI note, (n,).
    """
    heard = in_tune(magnitudes, notes, spec)
    middle = np.abs(notes - (notes.min() + notes.max()) / 2.0) <= MIDDLE_SEMITONES / 2.0
    on_harmonics = energy_shares(magnitudes, notes, spec)[:, 0]
    return float(heard[middle].mean() ** 4 * heard.mean() * on_harmonics.mean())
