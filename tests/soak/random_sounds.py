"""Plays random sounds: `python -m tests.soak.random_sounds [INSTRUMENT] --sounds 2000 --in-tune 2000 --json F`.

Each sound plays one random note, while random controls move. The test fails if any sample of the output is above full
scale or not a number, or if the note clicks or does not end. It also fails if less than 98 % of other random sounds, of
constant pitch, are in tune. Their pitch is measured over frames four times as long as in
training/measure/playability.py: over short frames, a low sinusoid seems up to 15 cents sharp.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from runtime.acoustics.heard_pitch import IN_TUNE_CENTS, cents_off
from runtime.acoustics.pitch import note_to_hz
from runtime.acoustics.spectrum import StftSpec, magnitude_frames
from runtime.base.command_line import Parser, run_program
from runtime.base.files import write_json
from runtime.base.progress import Progress
from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import Aftertouch, ControlChange, Event, NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import load
from runtime.sound.motion import LATENT, TRAVELS
from runtime.sound.patch import Patch
from runtime.sound.shaping import Filter
from runtime.sound.sound import Sound
from tests.support.clicks import spikes_db
from tests.support.sounds import RandomChoices, random_patch, random_sound
from training.measure.playability import N_SKIPPED_HOPS

DEFAULT_INSTRUMENT = "virtual-analogue"
SAMPLE_RATE_HZ = 44100
LOWEST_NOTE, HIGHEST_NOTE = 24, 108  # some of these notes are outside the model's range
HELD_S, LONGEST_RELEASE_S = 0.6, 0.3
LASTS_S = HELD_S + LONGEST_RELEASE_S + 0.1
N_CONTROLS = 3  # how many controls move while the note sounds
# Control 1 and aftertouch (0 in this list) also make vibrato, which transposes the note. They are here once and the
# other controls twice, so that fewer notes are transposed.
MOVED_CONTROLS = (20, 21, 74, 11, 20, 21, 74, 11, 1, 0)
LEAST_IN_TUNE = 0.98
# For the check of tuning: a transform with longer frames, and limits within which a sound keeps an audible pitch.
LONG_SPEC = StftSpec(frame_size=4 * StftSpec().frame_size)
MOST_ODD_EVEN_DB, MOST_FORMANT_SEMITONES, MOST_BANDWIDTH_CENTS = 9.0, 3.0, 40.0
MOST_FILTERED_DB, N_LOWEST = 30.0, 3


def events_of(random: np.random.Generator, note: int, velocity: int) -> list[tuple[int, Event]]:
    end = round(HELD_S * SAMPLE_RATE_HZ)
    events: list[tuple[int, Event]] = [(0, NoteOn(0, note, velocity)), (end, NoteOff(0, note, velocity))]
    for frame in random.integers(0, end, N_CONTROLS).tolist():
        value = int(random.integers(128))
        control = int(random.choice(MOVED_CONTROLS))
        events.append((frame, ControlChange(0, control, value) if control else Aftertouch(0, value)))
    return events


def rendered(engine: Engine, events: Sequence[tuple[int, Event]], duration_s: float) -> np.ndarray:
    for frame, event in events:
        engine.post(event, frame)
    sound = np.zeros((round(duration_s * SAMPLE_RATE_HZ), 2), np.float32)
    engine.render(sound)
    return sound


def short_release(patch: Patch) -> Patch:
    voice = patch.settings.voice
    release_s = min(voice.envelope.release_s, LONGEST_RELEASE_S)
    voice = msgspec.structs.replace(voice, envelope=msgspec.structs.replace(voice.envelope, release_s=release_s))
    return msgspec.structs.replace(patch, settings=msgspec.structs.replace(patch.settings, voice=voice))


def worst_spike_db(sound: np.ndarray) -> float:
    """The greater `spikes_db` of the two channels of a sound, (n_frames, 2)."""
    return max(spikes_db(side.astype(np.float64)) for side in sound.T)


def broken(sound: np.ndarray, n_active: int, unlimited: Callable[[], np.ndarray] | None = None) -> str | None:
    """The fault in the sound of a note that should have ended; None if there is none.

    n_active: how many voices still play at the end of the sound.
    unlimited: returns the same sound without the limiter. The limiter itself makes some spikes. So spikes count only if
        the sound without the limiter has spikes, too.
    """
    if not np.isfinite(sound).all():
        return "not a number"
    if np.abs(sound).max() > 1.0:
        return "above full scale"
    if n_active or sound[-100:].any():
        return "does not end"
    excess_db = worst_spike_db(sound)
    if excess_db > 0.0 and unlimited is not None:
        excess_db = min(excess_db, worst_spike_db(unlimited()))
    return f"clicks, {excess_db:.1f} dB" if excess_db > 0.0 else None


def unlimited(instrument: Decoder, patch: Patch, events: Sequence[tuple[int, Event]]) -> np.ndarray:
    engine = Engine(instrument, sample_rate_hz=SAMPLE_RATE_HZ, patch=patch, limits=False)
    return rendered(engine, events, LASTS_S)


def try_sound(instrument: Decoder, seed: int) -> dict[str, Any]:
    random = np.random.default_rng([seed, 0])
    choices = RandomChoices(random)
    blend = choices.among((0.0, 1.0, choices.number(0.0, 1.0)))
    patch = short_release(random_patch(choices, instrument.card, Config(phase_blend=blend), calm=True))
    note, velocity = int(random.integers(LOWEST_NOTE, HIGHEST_NOTE + 1)), int(random.integers(1, 128))
    engine = Engine(instrument, sample_rate_hz=SAMPLE_RATE_HZ, patch=patch)
    events = events_of(random, note, velocity)
    sound = rendered(engine, events, LASTS_S)
    lowest, highest = instrument.card.note_range
    # The modulation wheel and aftertouch make vibrato, which transposes the note.
    bends = any(isinstance(event, Aftertouch) or getattr(event, "control", 0) == 1 for _, event in events)
    transposed = bends or not lowest <= note <= highest
    wrong = broken(sound, engine.status.n_active_voices, lambda: unlimited(instrument, patch, events))
    return {"seed": seed, "note": note, "transposed": transposed, "broken": wrong}


# The check of tuning.


def pitched_sound(random: np.random.Generator, instrument: Decoder) -> Sound:
    knobs = tuple(latent.name for latent in instrument.card.latents)
    sound = random_sound(RandomChoices(random), knobs)
    moved = tuple(each for each in sound.modulation if each.target not in ("pitch", "vibrato.depth"))
    sound = narrowed(msgspec.structs.replace(sound, modulation=moved))
    return msgspec.structs.replace(
        sound,
        envelope=None,
        phase_blend=None,  # so `held` plays it with coherent phases
        odd_even_db=float(random.uniform(-MOST_ODD_EVEN_DB, MOST_ODD_EVEN_DB)),
        formant_semitones=float(random.uniform(-MOST_FORMANT_SEMITONES, MOST_FORMANT_SEMITONES)),
    )


def narrowed(sound: Sound) -> Sound:
    """The sound with a bandwidth that never exceeds MOST_BANDWIDTH_CENTS, even when it is modulated."""
    bandwidth_cents = sound.bandwidth_cents * (MOST_BANDWIDTH_CENTS / 100.0)
    amounts = [abs(each.amount) for each in sound.modulation if each.target == "bandwidth"]
    share = min(1.0, (MOST_BANDWIDTH_CENTS - bandwidth_cents) / max(TRAVELS["bandwidth"] * sum(amounts), 1e-9))
    modulation = tuple(
        msgspec.structs.replace(each, amount=share * each.amount) if each.target == "bandwidth" else each
        for each in sound.modulation
    )
    return msgspec.structs.replace(sound, bandwidth_cents=bandwidth_cents, modulation=modulation)


def unfiltered(sound: Sound) -> Sound:
    """The sound without filter and tilt, and without modulation that makes some frequencies louder than others."""
    kept = ("level", "pan", "phase_blend", "bandwidth", "width")
    moved = tuple(each for each in sound.modulation if each.target in kept or each.target.startswith(LATENT))
    return msgspec.structs.replace(sound, filter=Filter(), tilt_db_per_octave=0.0, modulation=moved)


def held(instrument: Decoder, sound: Sound, note: int) -> np.ndarray:
    """A held note after the first hops, with coherent phases: float32 (LONG_SPEC.frame_size,)."""
    spec = instrument.card.spec
    voice = VoiceConfig(n_voices=1, envelope=Adsr(attack_s=0.0))
    config = Config(voice=voice, phase_blend=1.0, volume_db=-40.0)
    patch = random_patch(RandomChoices(np.random.default_rng(0)), instrument.card, config, sound=sound)
    engine = Engine(instrument, sample_rate_hz=spec.sample_rate_hz, patch=patch)
    first = N_SKIPPED_HOPS * spec.hop_size
    heard = rendered(engine, [(0, NoteOn(0, note, 100))], (first + LONG_SPEC.frame_size) / spec.sample_rate_hz)
    return heard[first:].sum(axis=1)


def keeps_lowest(filtered: np.ndarray, plain: np.ndarray, note: int) -> bool:
    """Whether filter and tilt keep the lowest harmonics of a note at all times (see `keeps_lowest_in`).

    An envelope or an LFO that moves the filter may let the lowest harmonics through for only some milliseconds. That is
    too short for a pitch.

    filtered, plain: the note's sound with and without filter and tilt, as `held` returns it.
    """
    frames, plain_frames = (magnitude_frames(sound) for sound in (filtered, plain))
    return all(keeps_lowest_in(*each, note) for each in zip(frames, plain_frames, strict=True))


def keeps_lowest_in(filtered: np.ndarray, plain: np.ndarray, note: int) -> bool:
    """Whether the lowest harmonics stay strong enough when filter and tilt are added.

    Filter and tilt give each harmonic a gain. The gains of the lowest N_LOWEST harmonics must be at most
    MOST_FILTERED_DB below the highest gain of an audible harmonic. This highest gain must be above
    -2 * MOST_FILTERED_DB.

    filtered, plain: the note's spectrum with and without filter and tilt, (n_bins,).
    """
    bin_hz = StftSpec().bin_hz
    n = int(16000.0 / note_to_hz(note))
    bins = np.rint(np.arange(1, n + 1) * note_to_hz(note) / bin_hz).astype(int)
    gains_db = 20.0 * np.log10((filtered[bins] + 1e-12) / (plain[bins] + 1e-12))
    heard = plain[bins] > 1e-3 * plain.max()
    heard[:N_LOWEST] = True
    loudest_db = gains_db[heard].max()
    return bool(loudest_db > -2.0 * MOST_FILTERED_DB and gains_db[:N_LOWEST].min() >= loudest_db - MOST_FILTERED_DB)


def tuned_points(instrument: Decoder, n_points: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    """Random notes of random sounds that keep a pitch, each with its spectrum."""
    random, (lowest, highest) = np.random.default_rng([seed, 1]), instrument.card.note_range
    n_found = 0
    while n_found < n_points:
        sound, note = pitched_sound(random, instrument), int(random.integers(lowest, highest + 1))
        heard = held(instrument, sound, note)
        if keeps_lowest(heard, held(instrument, unfiltered(sound), note), note):
            n_found += 1
            yield note, magnitude_frames(heard, LONG_SPEC)[0]


def measure_tuning(instrument: Decoder, n_points: int, seed: int) -> dict[str, Any]:
    """The share of n_points random notes whose measured pitch is within IN_TUNE_CENTS."""
    notes, spectra = [], []
    with Progress("in tune", n_points) as progress:
        for note, spectrum in tuned_points(instrument, n_points, seed):
            notes.append(note)
            spectra.append(spectrum)
            progress.update(len(notes))
    cents = cents_off(np.array(spectra, np.float32), np.array(notes), LONG_SPEC)
    return {"n_points": n_points, "in_tune": float(np.mean(np.abs(cents) <= IN_TUNE_CENTS))}


def run(arguments: argparse.Namespace) -> int:
    instrument = load(arguments.instrument)
    report: dict[str, Any] = {"instrument": instrument.card.name, "seed": arguments.seed}
    wrong, n_transposed = [], 0
    with Progress("random sounds", arguments.sounds) as progress:
        for number in range(arguments.sounds):
            found = try_sound(instrument, arguments.seed + number)
            n_transposed += found["transposed"]
            if found["broken"]:
                wrong.append(found)
            progress.update(number + 1)
    report |= {"n_sounds": arguments.sounds, "n_transposed": n_transposed, "n_broken": len(wrong), "broken": wrong}
    if arguments.in_tune:
        report["tuning"] = measure_tuning(instrument, arguments.in_tune, arguments.seed)
    if arguments.json:
        write_json(arguments.json, report, makes_folder=False)
    else:
        print(json.dumps(report, indent=2))
    tuned = not arguments.in_tune or report["tuning"]["in_tune"] >= LEAST_IN_TUNE
    return 0 if tuned and not wrong else 1


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.soak.random_sounds", description=__doc__)
    parser.add_argument("instrument", nargs="?", default=DEFAULT_INSTRUMENT, help="an instrument's name or path")
    parser.add_argument("--sounds", type=int, default=2000, metavar="N", help="random sounds, one note each")
    parser.add_argument("--in-tune", type=int, default=2000, metavar="N", help="random points that must be in tune")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first sound")
    parser.add_argument("--json", metavar="F", help="write the figures there")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
