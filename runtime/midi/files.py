"""Reads MIDI files as events with times."""

from __future__ import annotations

import io
import re
from pathlib import Path

import mido

from runtime.base.errors import UserError
from runtime.base.files import read_bounded_file
from runtime.events import Event, Tempo
from runtime.midi.messages import from_message

DRUM_CHANNEL = 9
# A file of this size with the most events, one in every two bytes, takes mido 0.8 GB and 12 s.
LARGEST_BYTES = 2 * 2**20
# In a number of variable length every byte but the last is 0x80 or more. mido takes quadratic time to read a long one.
# Text may contain such bytes too, but not so many in a row.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{8192}")


def read_events(path: str | Path) -> list[tuple[float, Event]]:
    """Read a Standard MIDI File as (time in s, event) pairs; channel 10, the drums, is left out.

    Times follow the file's tempo changes, which are events, too.

    UserError if the file is missing, not a MIDI file, damaged, too large or cut short, or if its times are SMPTE times.
    """
    remedy = "choose a Standard MIDI File (.mid)"
    content = read_bounded_file(path, "a MIDI file", LARGEST_BYTES)
    try:
        if _ENDLESS_NUMBER.search(content):
            raise ValueError("a number without an end")
        midi_file = mido.MidiFile(file=io.BytesIO(content))
        if midi_file.ticks_per_beat < 1:
            raise ValueError("times in frames of film, which have no tempo")
        _refuse_cut_tracks(content, midi_file)
        events, time_s = [], 0.0
        for message in midi_file:
            time_s += message.time
            event = _tempo(message) if message.is_meta else from_message(message)
            if event is not None and getattr(event, "channel", None) != DRUM_CHANNEL:
                events.append((time_s, event))
        while events and isinstance(events[-1][1], Tempo):
            events.pop()  # so that a piece ends with its last note
        return events
    except EOFError:
        raise UserError(path, "a truncated MIDI file", "a whole one", "copy or export it again") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(path, f"no readable MIDI file ({reason})", "a MIDI file", remedy) from None
    except (ValueError, TypeError, ArithmeticError, LookupError, mido.KeySignatureError) as error:
        # mido raises all of these on damaged bytes
        raise UserError(path, f"a damaged MIDI file ({error})", "a MIDI file", remedy) from None


def _tempo(message: mido.MetaMessage) -> Tempo | None:
    return Tempo(mido.tempo2bpm(message.tempo)) if message.type == "set_tempo" and message.tempo else None


def _refuse_cut_tracks(content: bytes, midi_file: mido.MidiFile) -> None:
    """EOFError if there are fewer tracks than the header says: mido does not notice a file cut between two tracks."""
    promised = int.from_bytes(content[10:12], "big")
    if len(midi_file.tracks) < promised:
        raise EOFError
