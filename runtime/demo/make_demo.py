"""Writes demo.mid, a piece of one minute for the default instrument's sounds: python -m runtime.demo.make_demo.

A program change chooses the sound of all later notes, on all channels. So a program change comes before each note or
chord.
"""

from __future__ import annotations

from mido import MidiFile

from runtime.control_numbers import Control
from runtime.demo import DEMO_FILE
from runtime.demo.score import Score
from runtime.instrument.library import DEFAULT_INSTRUMENT, load
from runtime.sound.store import instrument_sounds

BEATS_PER_MINUTE = 100.0
BAR = 4.0
# Lead and bass each have their own channel. So the lead's wheels do not move the chords, and the channels of lead and
# bass can have lower volumes. They need them: a single note of lead or bass is almost as loud as a chord of another
# sound.
LEAD, BASS = 1, 2
LEAD_VOLUME, BASS_VOLUME, FULL_VOLUME = 82, 74, 100  # -3.4, -5.2 and 0 dB

PAD_CHORDS = ("A2 E3 C4 E4 B4", "F2 C3 A3 E4 G4", "C3 G3 E4 G4 D5", "G2 D3 B3 D4 A4")
# Eight notes for each chord, from low to high.
PLUCKED = (
    "A2 E3 A3 C4 E4 A4 B4 C5",
    "F2 C3 F3 A3 C4 E4 G4 A4",
    "C3 G3 C4 E4 G4 C5 D5 E5",
    "G2 D3 G3 B3 D4 G4 A4 B4",
)
PLUCK_STEPS = (0, 3, 5, 7, 6, 4, 5, 2, 1, 4, 6, 7, 5, 6, 4, 3)
# Items of BELLS and PIANO_TUNE: (beat, notes, velocity).
# Items of TUNE and BRASS: (beat, length, notes, velocity).
# Items of PULSES: (beat, length).
BELLS = ((0, "A3 C5", 84), (1, "G5", 76), (2, "E5", 70), (3, "B5", 92),
         (4, "F3 A5", 88), (5, "E5", 72), (6, "G3 C5", 66), (7, "G5 D6", 100))  # fmt: skip
PIANO_CHORDS = ("D3 F3 C4 E4", "G2 F3 B3 E4", "C3 E3 B3 D4", "A2 G3 C4 E4")
PIANO_TUNE = ((0.5, "A4", 60), (1.5, "G4", 72), (2.5, "D5", 84), (3.0, "A4", 98), (3.5, "C5", 110))
STRING_CHORDS = ("A2 E3 A3 C4", "F2 C3 F3 A3", "D3 A3 D4 F4", "E3 B3 E4 G#4")
TUNE = ((0.0, 1.5, "A4", 80), (1.5, 0.5, "B4", 84), (2.0, 1.0, "C5", 92), (3.0, 1.0, "E5", 104),
        (4.0, 1.5, "D5", 98), (5.5, 0.5, "C5", 84), (6.0, 2.0, "A4", 80),
        (8.0, 0.5, "F4", 76), (8.5, 0.5, "A4", 84), (9.0, 1.0, "D5", 96), (10.0, 1.5, "F5", 112), (11.5, 0.5, "D5", 96),
        (12.0, 3.6, "E5", 108))  # fmt: skip
PULSE_CHORDS = ("A3 C4 E4 B4", "A3 C4 F4 G4", "G3 C4 E4 A4", "G3 B3 D4 F4")
PULSE_BASS = "A2 F2 C3 G2"
PULSES = ((0.0, 1.45), (1.5, 1.45), (3.0, 0.95))
BRASS = ((0.0, 1.9, "F3 A3 C4", 64), (2.0, 1.9, "G3 B3 D4", 76), (4.0, 3.8, "C3 G3 C4 E4", 90))


def make_demo() -> MidiFile:
    """The piece as a MIDI file."""
    known = instrument_sounds(load(DEFAULT_INSTRUMENT).card, DEFAULT_INSTRUMENT)
    score = Score("Timbrebox, a tour", BEATS_PER_MINUTE, {name: sound.program for name, sound in known.items()})
    beat = 0.0
    for part, n_bars in PARTS:
        part(score, beat)
        beat += n_bars * BAR
    return score.file()


def _pad(score: Score, beat: float) -> None:
    score.play("Slow pad", [(beat + bar * BAR, BAR - 0.1, chord, 72) for bar, chord in enumerate(PAD_CHORDS)])
    score.ramp(beat + 2 * BAR, beat + 3.5 * BAR, Control.MOD_WHEEL, (0, 110))
    score.ramp(beat + 3.5 * BAR, beat + 4 * BAR, Control.MOD_WHEEL, (110, 0))


def _pluck(score: Score, beat: float) -> None:
    for bar, chord in enumerate(PLUCKED):
        notes = chord.split()
        for step, place in enumerate(PLUCK_STEPS):
            at, accent = beat + bar * BAR + step / 4.0, 22 if step % 4 == 0 else 0
            score.play("Glass pluck", [(at, 0.24, notes[place], 48 + 13 * bar + accent)])


def _bells(score: Score, beat: float) -> None:
    score.control(beat, Control.SUSTAIN, 127)
    score.play("Struck bell", [(beat + at, 0.9, names, velocity) for at, names, velocity in BELLS])
    score.control(beat + 2 * BAR - 0.05, Control.SUSTAIN, 0)


def _piano(score: Score, beat: float) -> None:
    for bar, chord in enumerate(PIANO_CHORDS):
        at = beat + bar * BAR
        chords = [(at, 1.4, chord, 52 + 7 * bar), (at + 2.0, 0.4, chord, 42), (at + 2.5, 1.4, chord, 72)]
        score.play("Electric piano", chords)
        score.play("Electric piano", [(at + after, 0.45, name, velocity) for after, name, velocity in PIANO_TUNE])


def _lead(score: Score, beat: float) -> None:
    for bar, chord in enumerate(STRING_CHORDS):
        score.play("Slow strings", [(beat + bar * BAR, BAR - 0.1, chord, 62)])
    # The notes overlap a little, so that the lead glides.
    tune = [(beat + at, length + 0.04, name, velocity) for at, length, name, velocity in TUNE]
    score.control(beat, Control.VOLUME, LEAD_VOLUME, LEAD)
    score.play("Singing lead", tune, LEAD)
    score.ramp(beat + 6.5, beat + 7.8, Control.MOD_WHEEL, (0, 90), LEAD)
    score.control(beat + 8.0, Control.MOD_WHEEL, 0, LEAD)
    score.ramp(beat + 10.0, beat + 10.3, "bend", (-2048, 0), LEAD)
    score.ramp(beat + 12.5, beat + 14.5, "pressure", (0, 120), LEAD)
    score.ramp(beat + 14.5, beat + 15.5, Control.EXPRESSION, (127, 40), LEAD)
    score.control(beat + 16.0, Control.EXPRESSION, 127, LEAD)
    score.ramp(beat + 15.6, beat + 16.0, "pressure", (120, 0), LEAD)


def _pulse(score: Score, beat: float) -> None:
    score.control(beat, Control.VOLUME, BASS_VOLUME, BASS)
    for bar, (chord, bass) in enumerate(zip(PULSE_CHORDS, PULSE_BASS.split(), strict=True)):
        at = beat + bar * BAR
        score.play("Round bass", [(at + step, 0.6, bass, 84) for step in (0.0, 1.5, 3.0)], BASS)
        chords = [(at + step, length, chord, 60 + 7 * bar) for step, length in PULSES]
        score.play("Pulse in time", chords)


def _brass(score: Score, beat: float) -> None:
    score.play("Brass swell", [(beat + at, length, names, velocity) for at, length, names, velocity in BRASS])
    score.ramp(beat, beat + 6.0, Control.EXPRESSION, (80, 127))


def _end(score: Score, beat: float) -> None:
    score.play("Choir of breath", [(beat, 3.9, "F3 C4 F4 A4", 84), (beat + 4.0, 3.9, "C3 G3 E4 G4 C5", 76)])
    score.ramp(beat, beat + 4.0, Control.MOD_WHEEL, (0, 60))
    score.ramp(beat + 4.0, beat + 6.0, Control.MOD_WHEEL, (60, 0))
    for channel in (LEAD, BASS):
        score.control(beat, Control.VOLUME, FULL_VOLUME, channel)


# Each part with its number of bars.
PARTS = ((_pad, 4), (_pluck, 4), (_bells, 2), (_piano, 4), (_lead, 4), (_pulse, 4), (_brass, 2), (_end, 2))

if __name__ == "__main__":
    make_demo().save(DEMO_FILE)
