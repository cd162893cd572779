"""Trains an encoder for a decoder that has none.

Spectra are decoded from random latents, and the encoder learns to recover these latents from the spectra. The bundled
instrument virtual-analogue needs this: it was exported before `export` wrote encoders.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from export.card import encoder_card
from export.half import round_weights, store_as_half
from export.to_onnx import add_metadata, check_parity, convert
from runtime.acoustics.pitch import N_CHROMA
from runtime.base.files import atomic_write
from runtime.instrument.card import METADATA_KEY
from runtime.instrument.conditioning import Conditioning
from runtime.instrument.decoder import Decoder
from runtime.instrument.encoder import LATENTS_NAME, encoder_path, load_encoder
from training.instrument.points import Points, decode_points
from training.model.recipe import ModelRecipe

N_FRAMES, N_EPOCHS, BATCH_SIZE = 40_000, 16, 200
LEARNING_RATE = 1e-3
# Spectra of recordings never quite equal decoded spectra. So each decoded spectrum gets a random tilt of at most
# MOST_TILT_DB per octave, and noise whose level is random in the range NOISE_DB.
MOST_TILT_DB = 3.0
NOISE_DB = -80.0, -35.0
BANDS, WIDTHS = 128, (256, 128)


def write_taught_encoder(path: Path) -> Path:
    """Train an encoder for the decoder at `path`, and write it beside the decoder; returns the encoder's path."""
    decoder = Decoder(path)
    frames, notes, latents = _lessons(decoder)
    encoder = _taught(decoder, [frames, Conditioning("chroma").rows(notes)], latents)
    inputs = [frames[:512], Conditioning("chroma").rows(notes[:512])]
    model = convert(encoder, LATENTS_NAME)
    store_as_half(model)
    output = np.asarray(encoder.predict_on_batch(inputs))
    about = encoder_card(encoder, "known", decoder.card, [values[0] for values in inputs], output[0])
    add_metadata(model, METADATA_KEY, json.dumps(about, ensure_ascii=False))
    content, target = model.SerializeToString(), encoder_path(path)
    check_parity(encoder, content, inputs, target)
    with atomic_write(target, "wb") as stream:
        stream.write(content)
    load_encoder(decoder)
    return target


def _lessons(decoder: Decoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the encoder learns from: frames, the MIDI note of each frame, and the latents of each frame.

    The frames are decoded at random points, then tilted and made a little noisy.
    """
    card, random = decoder.card, np.random.default_rng(0)
    points = Points.draw(decoder, N_FRAMES, 0)
    frames = decode_points(decoder, points)
    octaves = np.log2(np.maximum(np.arange(card.spec.n_bins), 1) * card.spec.bin_hz / 1000.0)
    tilts = random.uniform(-MOST_TILT_DB, MOST_TILT_DB, (len(frames), 1)).astype(np.float32)
    frames *= 10.0 ** (tilts * octaves.astype(np.float32) / 20.0)
    frames[:, : card.spec.first_heard_bin] = 0.0
    frames /= np.maximum(frames.max(axis=1, keepdims=True), 1e-9)
    noise = 10.0 ** (random.uniform(*NOISE_DB, (len(frames), 1)).astype(np.float32) / 20.0)
    frames += noise * random.random(frames.shape, np.float32)
    frames /= frames.max(axis=1, keepdims=True)
    return frames, points.notes, card.latents_at(points.positions)


def _taught(decoder: Decoder, inputs: list[np.ndarray], latents: np.ndarray) -> Any:
    import keras

    from training.model.autoencoder import build_autoencoder
    from training.model.backend import prepare_keras

    prepare_keras(0)
    card = decoder.card
    recipe = ModelRecipe(
        n_latents=card.n_latents,
        augmentation="chroma",
        conditioning=card.conditioning.kind,
        compression=3,
        encoder_bands=BANDS,
        encoder_widths=WIDTHS,
        decoder_widths=(N_CHROMA,),
    )
    encoder = build_autoencoder(recipe, card.spec, card.conditioning, 0).encoder
    steps = N_EPOCHS * -(-len(latents) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    encoder.compile(keras.optimizers.Adam(rate), "mse")
    encoder.fit(inputs, latents, BATCH_SIZE, N_EPOCHS, verbose=2)
    round_weights(encoder)
    return encoder
