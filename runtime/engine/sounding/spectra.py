"""Decodes the spectra that voices need, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from runtime.engine.sounding.decoder_rows import DecoderRows
from runtime.engine.sounding.ramp_points import first_wait
from runtime.engine.sounding.remembered_spectra import RememberedSpectra
from runtime.engine.sounding.voice_shapes import VoiceValues, fundamentals_hz, values_of
from runtime.engine.synthesis.hops import MAX_ROWS
from runtime.engine.synthesis.lane_sound import LaneSound
from runtime.engine.synthesis.shaping.shaper import Shaper
from runtime.engine.voices.bank import Voice
from runtime.instrument.decoder import MAX_BATCH, Decoder

# A function with the arguments of `LaneSound.set_spectra`.
Take = Callable[..., None]


class Prepared(NamedTuple):
    """Spectra at the end of a ramp, made before the call of `lead` that needs them.

    key: the expected arguments of that call.
    groups: for each sound, its voices' values.
    led_to: for each voice, what its `Voice.led_to` becomes.
    is_new: whether any spectrum changes.
    """

    key: tuple[object, ...]
    groups: list[VoiceValues]
    led_to: list[tuple[Voice, tuple[object, ...]]]
    is_new: bool


class Foreseen(NamedTuple):
    """Modulated values and gains of bins, computed before the call of `lead` that needs them.

    key: the expected arguments of that call, then the versions of the voices' knobs.
    groups: for each sound, its voices' values.
    gains: for each group, the gains of its voices' bins.
    """

    key: tuple[object, ...]
    groups: list[VoiceValues]
    gains: list[np.ndarray]


class Seen(NamedTuple):
    """What a voice sounds like now.

    magnitudes: float32 (n_bins,), the spectrum after filter and colour, before the voice's own gain.
    latents: positions of the latents, 0 to 1.
    """

    magnitudes: np.ndarray
    latents: Sequence[float]


class Spectra:
    """Gives voices the spectra for their notes and knobs. Attribute n_decoded: spectra decoded so far."""

    def __init__(self, instrument: Decoder, sound: LaneSound, n_lanes: int):
        card = instrument.card
        self.n_decoded = 0
        self._instrument, self._sound = instrument, sound
        self._rows = DecoderRows(card, n_lanes)
        self._remembered = RememberedSpectra(card.note_range, card.spec.n_bins)
        self._lowest_note = card.note_range[0]
        self._shaper = Shaper(fundamentals_hz(card), sound.n_bins, card.spec.bin_hz, MAX_ROWS)
        self._foreseen: Foreseen | None = None
        self._foreseen_gains = np.empty((n_lanes, sound.n_bins), np.float32)
        self._prepared: dict[int, Prepared] = {}  # keys: the frames at which ramps begin
        self._prepared_notes: dict[int, int] = {}  # for each lane with a prepared spectrum, its note's `Voice.order`

    def give(self, voices: Sequence[Voice], frame: int, opening: bool) -> None:
        """Give each voice its spectrum at `frame`.

        voices: ascending by lane.
        opening: whether some of the voices begin to sound now.
        """
        self._make(voices, frame, opening, self._sound.set_spectra)

    def prepare(self, voices: Sequence[Voice], frame: int) -> None:
        """Make the spectra for the voices' coming hop, at `frame`, from the knobs' present positions."""
        self._make(voices, frame, False, self._sound.prepare)
        for voice in voices:
            self._prepared_notes[voice.lane] = voice.order

    def take_prepared(self, voices: Sequence[Voice]) -> list[Voice]:
        """Those of `voices` whose prepared spectrum still fits, because their note and slide have not changed.

        Call `give_prepared` for them next.
        """
        if not self._prepared_notes:
            return []
        notes = [self._prepared_notes.pop(voice.lane, -1) for voice in voices]
        return [v for v, note in zip(voices, notes, strict=True) if v.order == note and v.spectrum_version >= 0]

    def give_prepared(self, voices: Sequence[Voice]) -> None:
        """Let voices, in the order of their lanes, use their prepared spectra."""
        self._sound.take_prepared([voice.lane for voice in voices], are_targets=False)

    def _make(self, voices: Sequence[Voice], frame: int, opening: bool, take: Take) -> None:
        # These voices use the decoder's spectra as they are, without shaping.
        plain = [voice for voice in voices if voice.played.is_plain and not voice.knobs.shapes]
        if plain:
            self._make_plain(plain, opening, take)
        if len(plain) < len(voices):
            shaped = [voice for voice in voices if voice not in plain]
            # A voice keeps its first spectrum up to its first point. Therefore its first spectrum is computed for the
            # frame half-way to this point.
            by_wait: dict[int, list[Voice]] = {}
            for voice in shaped:
                by_wait.setdefault(first_wait(voice) // 2 if voice.started_at == frame else 0, []).append(voice)
            for wait, alike in by_wait.items():
                for values in values_of(alike, frame + wait, 0):
                    self._make_shaped(values, take)

    def foresee(self, voices: Sequence[Voice], frame: int, spacing_frames: int, n_events: int) -> None:
        """Compute early what the next call of `lead` will need, if it has the same arguments.

        n_events: number of events so far that may have changed a source of modulation.
        The other arguments are those of `lead`.
        """
        groups, gains, first = values_of(voices, frame, spacing_frames), [], 0
        for values in groups:
            begin = first
            for part in values.parts(MAX_ROWS):
                n = len(part.voices)
                self._foreseen_gains[first : first + n] = self._shaper.gains(part.shape(), self._fundamentals(part))
                first += n
            gains.append(self._foreseen_gains[begin:first])
        key = _key(voices, frame, spacing_frames, n_events)
        self._foreseen = Foreseen((*key, *_versions(voices)), groups, gains)

    def prepare_lead(self, voices: Sequence[Voice], begin: int, frame: int, spacing_frames: int, n_events: int) -> None:
        """Make early the spectra that the next call of `lead` needs. `lead` uses them if it has the same arguments.

        begin: the frame at which the ramps of that call begin.
        The other arguments are those of `lead`.
        """
        groups = values_of(voices, frame, spacing_frames)
        led_to = _led_to(groups)
        is_new = any(voice.led_to != key for voice, key in led_to)
        if is_new:
            for values in groups:
                self._make_shaped(values, self._sound.prepare)
        for passed in [at for at in self._prepared if at < begin - spacing_frames]:
            del self._prepared[passed]
        self._prepared[begin] = Prepared(_key(voices, frame, spacing_frames, n_events), groups, led_to, is_new)

    def lead(self, voices: Sequence[Voice], frame: int, spacing_frames: int, n_events: int) -> bool:
        """Give modulated voices the spectra that they reach at `frame`, after linear ramps of spacing_frames.

        Returns whether any voice's spectrum changes.

        voices: ascending by lane.
        n_events: as in `foresee`.
        """
        key = _key(voices, frame, spacing_frames, n_events)
        prepared = self._prepared.get(frame - spacing_frames)
        if prepared is not None and prepared.key == key:
            del self._prepared[frame - spacing_frames]
            return self._lead_to_prepared(prepared)
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is not None and foreseen.key == (*key, *_versions(voices)):
            _, groups, gains = foreseen
        else:
            groups = values_of(voices, frame, spacing_frames)
            gains = [None] * len(groups)
        for values in groups:
            _set_widths(values)
        led_to = _led_to(groups)
        if all(voice.led_to == key for voice, key in led_to):
            return False
        for values, foreseen_gains in zip(groups, gains, strict=True):
            take = partial(self._sound.set_targets, takes_blends=values.played.leads_blend)
            self._make_shaped(values, take, foreseen_gains, leads=True)
        for voice, key in led_to:
            voice.led_to = key
        return True

    def _lead_to_prepared(self, prepared: Prepared) -> bool:
        for values in prepared.groups:
            _set_widths(values)
        if prepared.is_new:
            self._sound.take_prepared(sorted(voice.lane for voice, _ in prepared.led_to), are_targets=True)
            for voice, key in prepared.led_to:
                voice.led_to = key
        return prepared.is_new

    def seen(self, voice: Voice) -> Seen:
        """What a voice sounds like now.

        On other threads than the audio thread, the fields may belong to different frames.
        """
        latents = self._rows.moved[voice.lane].tolist() if voice.played.latents_move else voice.knobs.positions
        return Seen(self._sound.magnitudes(voice.lane), latents)

    def _make_shaped(
        self, values: VoiceValues, take: Take, foreseen: np.ndarray | None = None, leads: bool = False
    ) -> None:
        """Decode and shape the spectra of voices that play one sound, and pass them to `take`.

        foreseen: the gains of the voices' bins if `foresee` has computed them, else None.
        leads: whether a ramp leads to these spectra.
        """
        for number, part in enumerate(values.parts(MAX_ROWS)):
            voices, shape, notes = part.voices, part.shape(), self._fundamentals(part)
            lanes, semitones = [voice.lane for voice in voices], [voice.key_offset for voice in voices]
            # As much as possible is computed before the decode, which empties the processor's caches.
            known = foreseen is not None
            gains = foreseen[number * MAX_ROWS :][: len(voices)] if known else self._shaper.gains(shape, notes)
            magnitudes = self._decoded(part)
            self._shaper.move_formants(gains, shape, notes, magnitudes)
            blends, bandwidths = part.blends(), part.bandwidths_cents()
            take(lanes, magnitudes, semitones, gains, bandwidths, blends)
            _set_widths(part)
            for voice, blend in zip(voices, blends, strict=True):
                if part.played.blend_moves or (leads and part.played.leads_blend):
                    voice.blend = blend
                voice.spectrum_version = voice.knobs.version

    def _fundamentals(self, values: VoiceValues) -> list[int]:
        return [voice.model_note - self._lowest_note for voice in values.voices]

    def _decoded(self, values: VoiceValues) -> np.ndarray:
        voices, remembered = values.voices, self._remembered
        if values.played.latents_move:
            self._rows.fill(self._instrument.inputs, voices, values.positions())
        elif all(remembered.knows(voice) for voice in voices):
            return remembered.recall(voices, self._instrument.magnitudes)
        else:
            self._rows.fill(self._instrument.inputs, voices)
        self.n_decoded += len(voices)
        magnitudes = self._instrument.decode(len(voices))
        if not values.played.latents_move:
            remembered.remember(voices, magnitudes)
        return magnitudes

    def _make_plain(self, voices: Sequence[Voice], opening: bool, take: Take) -> None:
        remembered = self._remembered
        known = [voice for voice in voices if remembered.knows(voice)] if opening else []
        unknown = [voice for voice in voices if voice not in known] if known else voices
        for first in range(0, len(unknown), MAX_BATCH):
            batch = unknown[first : first + MAX_BATCH]
            self._rows.fill(self._instrument.inputs, batch)
            magnitudes = self._instrument.decode(len(batch))
            if opening:
                remembered.remember(batch, magnitudes)
            _take_plain(batch, magnitudes, take)
        if known:
            _take_plain(known, remembered.recall(known, self._instrument.magnitudes), take)
        self.n_decoded += len(unknown)


def _take_plain(voices: Sequence[Voice], magnitudes: np.ndarray, take: Take) -> None:
    lanes, semitones = [voice.lane for voice in voices], [voice.key_offset for voice in voices]
    for first in range(0, len(voices), MAX_ROWS):
        rows = slice(first, first + MAX_ROWS)
        take(lanes[rows], magnitudes[rows], semitones[rows])
    for voice in voices:
        voice.width = 0.0
        voice.spectrum_version = voice.knobs.version


def _key(voices: Sequence[Voice], frame: int, spacing_frames: int, n_events: int) -> tuple[object, ...]:
    return frame, spacing_frames, n_events, tuple((voice.lane, voice.order) for voice in voices)


def _versions(voices: Sequence[Voice]) -> list[int]:
    return [voice.knobs.version for voice in voices]


def _led_to(groups: Sequence[VoiceValues]) -> list[tuple[Voice, tuple[object, ...]]]:
    led_to = []
    for values in groups:
        knobs = values.knobs  # the same for all voices of a group
        version, blend = knobs.version, knobs.blend if values.needs_blend else 0.0
        led_to += [(v, (version, v.slide, blend, key)) for v, key in zip(values.voices, values.keys(), strict=True)]
    return led_to


def _set_widths(values: VoiceValues) -> None:
    if values.has_width:
        for voice, width in zip(values.voices, values.widths(), strict=True):
            voice.width = width
    else:
        for voice in values.voices:
            voice.width = 0.0
