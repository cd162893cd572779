"""Makes the cards for an instrument's two files, the decoder and the encoder."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from runtime.acoustics.spectrum import StftSpec
from runtime.instrument.card import CARD_VERSION, Card, CardPreset, Check, Latent, Source
from training.corpus.frames import FrameStore
from training.instrument.knobs import note_range, short
from training.model.run_folder import TrainedRun


def describe_training(run: TrainedRun) -> dict[str, Any]:
    """How the model was trained, as values for JSON.

    weights: `last` or `best`.
    epochs: how many epochs were trained.
    loss, val_loss: the last epoch's training and validation errors.
    seconds: how long the training took.
    environment: versions, platform and device of the last session.
    """
    row = run.history[-1]
    return {
        "recipe": msgspec.to_builtins(run.recipe),
        "weights": run.weights,
        "epochs": row["epoch"],
        "loss": row["loss"],
        "val_loss": row["val_loss"],
        "seconds": round(sum(past["seconds"] for past in run.history), 1),
        "environment": {name: value for name, value in run.record.sessions[-1].items() if name != "from_epoch"},
    }


def decoder_card(
    run: TrainedRun,
    store: FrameStore,
    name: str,
    latents: tuple[Latent, ...],
    presets: list[CardPreset],
    measured: dict[str, Any],
    check: tuple[np.ndarray, np.ndarray],
) -> Card:
    """The card of a run's decoder.

    measured: the measured figures, by name.
    check: an input row (n_inputs,) and the output row (n_bins,) that it must give. Whoever loads the file checks this.
    """
    spec: StftSpec = store.spec
    return Card(
        card_version=CARD_VERSION,
        name=name,
        sample_rate_hz=spec.sample_rate_hz,
        frame_size=spec.frame_size,
        hop_size=spec.hop_size,
        window=spec.window,
        latents=latents,
        conditioning=run.record.conditioning,
        note_range=note_range(store),
        presets=tuple(presets),
        corpus={key: value for key, value in store.about.items() if key != "licence"}
        | {"fingerprint": run.record.corpus.fingerprint, "n_train_frames": run.record.corpus.n_train_frames},
        licence=store.about.get("licence"),
        training=describe_training(run),
        measured=measured,
        check=Check([short(check[0])], [short(check[1])]),
    )


def sources_of(store: FrameStore) -> tuple[Source, ...]:
    """The corpus's sources with their licences, each once, in the corpus's order."""
    said = dict.fromkeys((clip.source, clip.licence) for clip in store.clips if clip.source or clip.licence)
    return tuple(Source(source or "not stated", licence or "not stated") for source, licence in said)


def encoder_card(encoder: Any, labels: str, card: Card, inputs: list[np.ndarray], output: np.ndarray) -> dict[str, Any]:
    """The card of an encoder, as values for JSON.

    labels: `known` if the model was taught with the corpus's notes, `detected` if with the chroma found in the spectra.
    inputs: the check's input, one row for each input of the encoder.
    output: the check's output: the latents for these rows, (n_latents,).
    """
    names = [tensor.name for tensor in encoder.inputs]
    return {
        "card_version": CARD_VERSION,
        "encoder_of": card.name,
        "sample_rate_hz": card.sample_rate_hz,
        "frame_size": card.frame_size,
        "hop_size": card.hop_size,
        "window": card.window,
        "inputs": [{"name": name, "size": len(row)} for name, row in zip(names, inputs, strict=True)],
        "output": {"name": "latents", "size": len(output)},
        "labels": labels,
        "latents": msgspec.to_builtins(card.latents),
        "check": {"input": [short(row) for row in inputs], "output": short(output)},
    }
