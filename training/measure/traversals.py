"""Move one latent at a time from end to end: what is heard, what is seen, and what becomes of the pitch."""

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
from training.hearing.spectral_distance import FLOOR_DB
from training.instrument.embedding import decode_at
from training.instrument.run_instrument import RunInstrument
from training.measure.mesh import asked_notes
from training.model.run_folder import TrainedRun

N_STEPS = 64
N_BANDS = 96
LOWEST_BAND_HZ = 60.0
SECONDS_PER_LATENT = 1.5
MIDDLE_C = 60
N_STARTS, N_PLACES = 200, 9
CODEC = {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.9}
BLOCK_SAMPLES = 1 << 14


@dataclass(frozen=True)
class Traversals:
    """One travel per latent, from the middle of the embedding.

    travel: (n_latents, 3), lowest, middle and highest value; note: the MIDI note played;
    strips_db: float32 (n_latents, N_BANDS, N_STEPS), levels against each step's own peak, bands from the lowest;
    band_hz: (N_BANDS,), their centres; pitch_changes: share of places on each latent's travel whose pitch class is
    another than where the travel started; sound: mono float32, one travel after the other.
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
    """The travels of a run whose training frames embed as `latents` (n, n_latents)."""
    note = _played_note(run, store)
    instrument = RunInstrument(run, store, latents, (note, note))  # one note: what is heard is not transposed
    travel = np.array([(knob.min, knob.default, knob.max) for knob in instrument.card.latents])
    strips_db, band_hz = _strips(run, store.spec, travel, note)
    changes = _pitch_changes(run, store, latents, travel)
    sound = render(instrument, note)
    return Traversals(travel, note, strips_db, band_hz, changes, sound, store.spec.sample_rate_hz)


def render(instrument: RunInstrument, note: int, seconds_per_latent: float = SECONDS_PER_LATENT) -> np.ndarray:
    """Mono float32: the note held while each knob in turn goes up its whole travel and back to the middle."""
    card = instrument.card
    engine = Engine(instrument, n_voices=1, sample_rate_hz=card.sample_rate_hz)
    n_frames = round(seconds_per_latent * card.sample_rate_hz)
    for latent, middle in enumerate(card.default_positions):
        start = latent * n_frames
        for at in range(0, n_frames - card.hop_size, card.hop_size):
            engine.post(KnobTurn(latent, at / (n_frames - card.hop_size)), start + at)
        engine.post(KnobTurn(latent, float(middle)), start + n_frames - 1)
    engine.post(NoteOn(0, note, 100), 0)
    engine.post(NoteOff(0, note), card.n_latents * n_frames)
    sound = np.zeros((card.n_latents * n_frames + card.sample_rate_hz // 2, 2), np.float32)
    engine.render(sound)
    return sound.mean(axis=1).clip(-1.0, 1.0)


def _played_note(run: TrainedRun, store: FrameStore) -> int:
    """The training note nearest the middle of those with a known pitch, or middle C."""
    notes = np.unique(store.note[store.rows("train")])
    notes = notes[notes != NO_NOTE].astype(int)
    if not len(notes):
        classes = asked_notes(run, store)
        return min((MIDDLE_C + pitch_class for pitch_class in classes), default=MIDDLE_C)
    return int(notes[np.argmin(np.abs(notes - notes.mean()))])


def _strips(run: TrainedRun, spec: StftSpec, travel: np.ndarray, note: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels (n_latents, N_BANDS, N_STEPS) in dB below each step's peak, and the bands' centres in Hz."""
    edges_hz = np.geomspace(LOWEST_BAND_HZ, spec.sample_rate_hz / 2.0, N_BANDS + 1)
    band_hz = np.sqrt(edges_hz[1:] * edges_hz[:-1])
    strips = []
    for latent, (low, _, high) in enumerate(travel):
        places = np.repeat(travel[None, :, 1], N_STEPS, axis=0)
        places[:, latent] = np.linspace(low, high, N_STEPS)
        frames = decode_at(run, places, np.full(N_STEPS, note))
        strips.append([_bands(frame, edges_hz, spec.bin_hz) for frame in frames])
    levels = np.swapaxes(np.array(strips, np.float32), 1, 2)
    peaks = levels.max(axis=1, keepdims=True)
    return 20.0 * np.log10(np.maximum(levels / np.maximum(peaks, 1e-9), 10.0 ** (FLOOR_DB / 20.0))), band_hz


def _bands(frame: np.ndarray, edges_hz: np.ndarray, bin_hz: float) -> np.ndarray:
    """The strongest bin of each band, or where a band is narrower than a bin, the bin at its place."""
    first = np.minimum(np.rint(edges_hz[:-1] / bin_hz).astype(int), len(frame) - 1)
    last = np.maximum(np.rint(edges_hz[1:] / bin_hz).astype(int), first + 1)
    return np.array([frame[a:b].max() for a, b in zip(first, last, strict=True)])


def _pitch_changes(run: TrainedRun, store: FrameStore, latents: np.ndarray, travel: np.ndarray) -> list[float]:
    """How often moving one latent changes the output's pitch class, from seeded training frames as starts."""
    rng = np.random.default_rng(0)
    starts = latents[rng.integers(len(latents), size=N_STARTS)]
    notes = np.resize(np.array(list(asked_notes(run, store).values())), N_STARTS)
    before = detect_chroma(decode_at(run, starts, notes), store.spec.bin_hz)
    changes = []
    for latent, (low, _, high) in enumerate(travel):
        moved = np.repeat(starts, N_PLACES, axis=0)
        moved[:, latent] = np.tile(np.linspace(low, high, N_PLACES), N_STARTS)
        after = detect_chroma(decode_at(run, moved, np.repeat(notes, N_PLACES)), store.spec.bin_hz)
        changes.append(float(np.mean(after != np.repeat(before, N_PLACES))))
    return changes
