"""Writes scale.mid: every semitone from C3 to B5, held for 0.5 s, with pauses of 0.25 s, at velocity 100.

Run as `python -m tests.data.make_scale`.
"""

from __future__ import annotations

from pathlib import Path

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

SCALE = Path(__file__).with_name("scale.mid")
NOTES = range(48, 84)
HELD_S = 0.5
PAUSE_S = 0.25
VELOCITY = 100
TICKS_PER_BEAT = 480
BEAT_S = 0.5


def make_scale() -> MidiFile:
    held, pause = (round(length_s / BEAT_S * TICKS_PER_BEAT) for length_s in (HELD_S, PAUSE_S))
    track = MidiTrack([MetaMessage("set_tempo", tempo=bpm2tempo(60 / BEAT_S))])
    for note in NOTES:
        track.append(Message("note_on", note=note, velocity=VELOCITY, time=pause if note > NOTES[0] else 0))
        track.append(Message("note_off", note=note, time=held))
    return MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])


if __name__ == "__main__":
    make_scale().save(SCALE)
