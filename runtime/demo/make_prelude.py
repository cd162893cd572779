"""Writes prelude.mid, Bach's Prelude in C (BWV 846, 1722, public domain): python -m runtime.demo.make_prelude.

Each bar but the last three has one chord of five notes. The notes are played one after the other, twice, in the same
pattern in each bar. The last three bars are listed note by note.
"""

from __future__ import annotations

import math

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

from runtime.acoustics.pitch import parse_note
from runtime.demo import PRELUDE_FILE

TICKS_PER_BEAT = 96
SIXTEENTH = TICKS_PER_BEAT // 4
BAR = 16 * SIXTEENTH
BEATS_PER_MINUTE = 76.0
LAST_BEATS_PER_MINUTE = 50.0

# For each controller number, how many bars the knob takes to move from the middle to the top, to the bottom, and back
# to the middle.
KNOBS = {70: 8.0, 71: 11.0, 72: 13.0}
KNOB_STEP = SIXTEENTH

# Bars 1 to 32: a bass, a tenor, and the three notes that the right hand repeats.
CHORDS = """
C4 E4 G4 C5 E5   | C4 D4 A4 D5 F5   | B3 D4 G4 D5 F5   | C4 E4 G4 C5 E5
C4 E4 A4 E5 A5   | C4 D4 F#4 A4 D5  | B3 D4 G4 D5 G5   | B3 C4 E4 G4 C5
A3 C4 E4 G4 C5   | D3 A3 D4 F#4 C5  | G3 B3 D4 G4 B4   | G3 Bb3 E4 G4 C#5
F3 A3 D4 A4 D5   | F3 Ab3 D4 F4 B4  | E3 G3 C4 G4 C5   | E3 F3 A3 C4 F4
D3 F3 A3 C4 F4   | G2 D3 G3 B3 F4   | C3 E3 G3 C4 E4   | C3 G3 Bb3 C4 E4
F2 F3 A3 C4 E4   | F#2 C3 A3 C4 Eb4 | Ab2 F3 B3 C4 D4  | G2 F3 G3 B3 D4
G2 E3 G3 C4 E4   | G2 D3 G3 C4 F4   | G2 D3 G3 B3 F4   | G2 Eb3 A3 C4 F#4
G2 E3 G3 C4 G4   | G2 D3 G3 C4 F4   | G2 D3 G3 B3 F4   | C2 C3 G3 Bb3 E4
"""

# Bars 33 and 34: the two held notes, then the fourteen sixteenths of the right hand. Bar 35 is the closing chord.
CODA = (
    ("C2 C3", "F3 A3 C4 F4 C4 A3 C4 A3 F3 A3 F3 D3 F3 D3"),
    ("C2 B2", "G4 B4 D5 F5 D5 B4 D5 B4 G4 B4 D4 F4 E4 D4"),
)
CLOSE = "C2 C3 E4 G4 C5"


def notes() -> list[tuple[int, int, int, int]]:
    """The piece as (start, length, MIDI note, velocity), start and length in ticks."""
    played: list[tuple[int, int, int, int]] = []
    chords = [[parse_note(name) for name in chord.split()] for line in CHORDS.split("\n") for chord in line.split("|")]
    chords = [chord for chord in chords if chord]
    for bar, (bass, tenor, *upper) in enumerate(chords):
        for half in (0, 8):
            start = bar * BAR + half * SIXTEENTH
            played.append((start, 8 * SIXTEENTH, bass, 84))
            played.append((start + SIXTEENTH, 7 * SIXTEENTH, tenor, 74))
            for step, note in enumerate(upper + upper):
                played.append((start + (2 + step) * SIXTEENTH, SIXTEENTH, note, 82 if step == 2 else 72))
    for bar, (held, running) in enumerate(CODA, start=len(chords)):
        bass, tenor = (parse_note(name) for name in held.split())
        played.append((bar * BAR, BAR, bass, 84))
        played.append((bar * BAR + SIXTEENTH, 15 * SIXTEENTH, tenor, 74))
        for step, name in enumerate(running.split()):
            played.append((bar * BAR + (2 + step) * SIXTEENTH, SIXTEENTH, parse_note(name), 72))
    end = (len(chords) + len(CODA)) * BAR
    played += [(end, BAR, parse_note(name), 76) for name in CLOSE.split()]
    return played


def knobs(end: int) -> list[tuple[int, int, int]]:
    """The knobs' movements as (tick, controller, value); end: length of the piece in ticks."""
    moves = []
    for controller, n_bars in KNOBS.items():
        before = None
        for tick in range(0, end, KNOB_STEP):
            value = round(127 * (0.5 + 0.5 * math.sin(2 * math.pi * tick / (n_bars * BAR))))
            if value != before:
                moves.append((tick, controller, value))
            before = value
    return moves


def make_prelude() -> MidiFile:
    """The piece as a MIDI file of one track."""
    events: list[tuple[int, int, Message | MetaMessage]] = []
    played = notes()
    end = max(start + length for start, length, _, _ in played)
    for start, length, note, velocity in played:
        events.append((start, 2, Message("note_on", note=note, velocity=velocity)))
        events.append((start + length, 0, Message("note_off", note=note)))
    for tick, controller, value in knobs(end):
        events.append((tick, 1, Message("control_change", control=controller, value=value)))
    n_slow = 8
    for step in range(n_slow + 1):
        tempo = bpm2tempo(BEATS_PER_MINUTE + (LAST_BEATS_PER_MINUTE - BEATS_PER_MINUTE) * step / n_slow)
        tick = 0 if step == 0 else end - 2 * BAR + (step - 1) * BAR // n_slow
        events.append((tick, 0, MetaMessage("set_tempo", tempo=tempo)))
    track = MidiTrack([MetaMessage("track_name", name="Prelude in C, BWV 846 (J. S. Bach)")])
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])


if __name__ == "__main__":
    make_prelude().save(PRELUDE_FILE)
