"""Gives a trained run the interface of an exported instrument."""

from __future__ import annotations

import numpy as np

from runtime.instrument.card import CARD_VERSION, Card, Check
from training.corpus.frames import FrameStore
from training.instrument.embedding import embed_rows, in_chunks
from training.instrument.knobs import describe_latents, note_range
from training.model.batches import CHROMA
from training.model.run_folder import TrainedRun

N_ROWS = 512  # one call of `decode` takes at most this many rows; the engine needs at most 64


class RunInstrument:
    """A trained run as a training.instrument.points.Playable.

    embedding: latents of the training frames, (n, n_latents); None to compute them.
    lowest_highest: the lowest and the highest MIDI note of the card; None for those of the corpus.
    """

    batch_invariant = True

    def __init__(
        self,
        run: TrainedRun,
        store: FrameStore,
        embedding: np.ndarray | None = None,
        lowest_highest: tuple[int, int] | None = None,
    ):
        spec, conditioning = store.spec, run.record.conditioning
        if embedding is None:
            embedding = embed_rows(run, store, store.rows("train"))
        self._run = run
        self.card = Card(
            card_version=CARD_VERSION,
            name=run.record.name,
            sample_rate_hz=spec.sample_rate_hz,
            frame_size=spec.frame_size,
            hop_size=spec.hop_size,
            window=spec.window,
            latents=describe_latents(embedding, run.recipe.model.bottleneck, run.recipe.fit.knobs),
            conditioning=conditioning,
            note_range=lowest_highest or note_range(store),
            check=Check([], []),
        )
        self.inputs = np.zeros((N_ROWS, self.card.n_inputs), np.float32)
        self.magnitudes = np.zeros((N_ROWS, spec.n_bins), np.float32)

    def decode(self, n_rows: int) -> np.ndarray:
        """As `Playable.decode`."""
        self.magnitudes[:n_rows] = self._run.decode(self.inputs[:n_rows])
        return self.magnitudes[:n_rows]

    def encode(self, frames: np.ndarray, notes: np.ndarray) -> np.ndarray:
        """Latents of unit-peak frames: float32 (n, n_latents).

        frames: (n, n_bins). notes: the frames' MIDI notes, (n,).
        """
        inputs = [np.ascontiguousarray(frames, np.float32)]
        if self._run.recipe.model.augmentation == "chroma":
            inputs.append(CHROMA.rows(notes))

        def embed(rows: np.ndarray) -> np.ndarray:
            return self._run.embed([values[rows] for values in inputs])

        return in_chunks(embed, np.arange(len(notes)), self.card.n_latents)
