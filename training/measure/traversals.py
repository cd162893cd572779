"""Moves one latent at a time from end to end, and records the result."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from runtime.acoustics.pitch import detect_chroma
from runtime.acoustics.spectrum import StftSpec
from runtime.engine.engine import Engine
from runtime.events import KnobTurn, NoteOff, NoteOn
from training.corpus.frames import NO_NOTE, FrameStore
from training.hearing.spectral_distance import levels_db
from training.instrument.embedding import decode_at
from training.instrument.run_instrument import RunInstrument
from training.measure.mesh import asked_notes
from training.model.run_folder import TrainedRun

N_STEPS = 64
N_BANDS = 96
LOWEST_BAND_HZ = 60.0
SECONDS_PER_LATENT = 1.5
MIDDLE_C = 60
N_STARTS, N_STOPS = 200, 9  # for `pitch_changes`: the number of lines along each latent, and of points on each line
CODEC = {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.9}
BLOCK_SAMPLES = 1 << 14


@dataclass(frozen=True)
class Traversals:
    """Spectra, changes of pitch class, and sound along the travel of each latent.

    travel: low end, median and high end of each latent, (n_latents, 3).
    note: the MIDI note of spectra and sound.
    strips_db: for each latent, the spectra at N_STEPS of its values; the other latents are at their medians. Levels are
        in dB relative to each spectrum's peak, the lowest band first; float32 (n_latents, N_BANDS, N_STEPS).
    band_hz: centres of the bands, (N_BANDS,).
    pitch_changes: for each latent, the share of its moves that change the decoded frame's pitch class, 0 to 1.
    sound: mono float32 (n_samples,), one latent after the other.
    """

    travel: np.ndarray
    note: int
    strips_db: np.ndarray
    band_hz: np.ndarray
    pitch_changes: list[float]
    sound: np.ndarray
    sample_rate_hz: int

    def encoded_sound(self) -> bytes:
        """The sound as an OGG Vorbis file."""
        stream = io.BytesIO()
        with soundfile.SoundFile(stream, "w", self.sample_rate_hz, 1, **CODEC) as file:
            for start in range(0, len(self.sound), BLOCK_SAMPLES):  # libsndfile overflows its stack on long writes
                file.write(self.sound[start : start + BLOCK_SAMPLES])
        return stream.getvalue()


def traverse(run: TrainedRun, store: FrameStore, latents: np.ndarray) -> Traversals:
    """Traverse a run's latents from end to end.

    latents: latents of the training frames, (n, n_latents).
    """
    note = _played_note(run, store)
    # The instrument's note range is this one note. With a wider range, the engine might decode another note and
    # transpose its sound.
    instrument = RunInstrument(run, store, latents, (note, note))
    travel = np.array([(knob.min, knob.default, knob.max) for knob in instrument.card.latents])
    strips_db, band_hz = _strips(run, store.spec, travel, note)
    changes = _pitch_changes(run, store, latents, travel)
    sound = render(instrument, note)
    return Traversals(travel, note, strips_db, band_hz, changes, sound, store.spec.sample_rate_hz)


def render(instrument: RunInstrument, note: int, seconds_per_latent: float = SECONDS_PER_LATENT) -> np.ndarray:
    """Hold a note while each knob in turn moves from its low end to its high end, then jumps back to its default.

    Returns mono float32 (n_samples,), with half a second after the note's end.
    """
    card = instrument.card
    engine = Engine(instrument, n_voices=1, sample_rate_hz=card.sample_rate_hz)
    n_samples = round(seconds_per_latent * card.sample_rate_hz)
    for latent, default in enumerate(card.default_positions):
        start = latent * n_samples
        for at in range(0, n_samples - card.hop_size, card.hop_size):
            engine.post(KnobTurn(latent, at / (n_samples - card.hop_size)), start + at)
        engine.post(KnobTurn(latent, float(default)), start + n_samples - 1)
    engine.post(NoteOn(0, note, 100), 0)
    engine.post(NoteOff(0, note), card.n_latents * n_samples)
    sound = np.zeros((card.n_latents * n_samples + card.sample_rate_hz // 2, 2), np.float32)
    engine.render(sound)
    return sound.mean(axis=1).clip(-1.0, 1.0)


def _played_note(run: TrainedRun, store: FrameStore) -> int:
    """The known training note nearest to the mean of all known training notes.

    If no notes are known: the note of the lowest trained pitch class, in the octave that begins at middle C.
    """
    notes = np.unique(store.note[store.rows("train")])
    notes = notes[notes != NO_NOTE].astype(int)
    if not len(notes):
        classes = asked_notes(run, store)
        return min((MIDDLE_C + pitch_class for pitch_class in classes), default=MIDDLE_C)
    return int(notes[np.argmin(np.abs(notes - notes.mean()))])


def _strips(run: TrainedRun, spec: StftSpec, travel: np.ndarray, note: int) -> tuple[np.ndarray, np.ndarray]:
    edges_hz = np.geomspace(LOWEST_BAND_HZ, spec.sample_rate_hz / 2.0, N_BANDS + 1)
    band_hz = np.sqrt(edges_hz[1:] * edges_hz[:-1])
    strips = []
    for latent, (low, _, high) in enumerate(travel):
        line = np.repeat(travel[None, :, 1], N_STEPS, axis=0)
        line[:, latent] = np.linspace(low, high, N_STEPS)
        frames = decode_at(run, line, np.full(N_STEPS, note))
        strips.append([_bands(frame, edges_hz, spec.bin_hz) for frame in frames])
    return levels_db(np.swapaxes(np.array(strips, np.float32), 1, 2), axis=1), band_hz


def _bands(frame: np.ndarray, edges_hz: np.ndarray, bin_hz: float) -> np.ndarray:
    """Largest magnitude in each band of a frame (n_bins,); a band without a bin gets the nearest bin's magnitude."""
    first = np.minimum(np.rint(edges_hz[:-1] / bin_hz).astype(int), len(frame) - 1)
    last = np.maximum(np.rint(edges_hz[1:] / bin_hz).astype(int), first + 1)
    return np.array([frame[a:b].max() for a, b in zip(first, last, strict=True)])


def _pitch_changes(run: TrainedRun, store: FrameStore, latents: np.ndarray, travel: np.ndarray) -> list[float]:
    """For each latent, the share of its moves that change the decoded frame's pitch class, 0 to 1.

    Each of N_STARTS lines keeps the latents of a random training frame, except one latent, which takes N_STOPS values
    from its low end to its high end. The pitch class decoded at each of these points is compared with the pitch class
    decoded from the frame's own latents.
    """
    rng = np.random.default_rng(0)
    starts = latents[rng.integers(len(latents), size=N_STARTS)]
    notes = np.resize(np.array(list(asked_notes(run, store).values())), N_STARTS)
    before = detect_chroma(decode_at(run, starts, notes), store.spec.bin_hz)
    changes = []
    for latent, (low, _, high) in enumerate(travel):
        moved = np.repeat(starts, N_STOPS, axis=0)
        moved[:, latent] = np.tile(np.linspace(low, high, N_STOPS), N_STARTS)
        after = detect_chroma(decode_at(run, moved, np.repeat(notes, N_STOPS)), store.spec.bin_hz)
        changes.append(float(np.mean(after != np.repeat(before, N_STOPS))))
    return changes
