"""MIDI files as timed events."""

from __future__ import annotations

import io
import re
from pathlib import Path

import mido

from runtime.base.errors import UserError
from runtime.base.files import read_outside
from runtime.events import Event
from runtime.midi.messages import from_message

DRUM_CHANNEL = 9
# A file has at most one event for two bytes, and mido takes some 800 bytes of memory and 11 us for each: 0.8 GB, 12 s.
LARGEST_BYTES = 2 * 2**20
# In a number each byte but the last is 0x80 or more, and mido reads numbers of any length, in quadratic time. Only a
# text may hold many such bytes in a row, and no text so many.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{8192}")


def read_events(path: str | Path) -> list[tuple[float, Event]]:
    """Events of a Standard MIDI File with their times in seconds, by its tempo map; channel 10, the drums, left out.

    UserError if the file is missing, no MIDI file, too large, cut short, or holds times in a form that has no tempo.
    """
    remedy = "choose a Standard MIDI File (.mid)"
    content = read_outside(path, "a MIDI file", LARGEST_BYTES)
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
            event = None if message.is_meta else from_message(message)
            if event is not None and getattr(event, "channel", None) != DRUM_CHANNEL:
                events.append((time_s, event))
        return events
    except EOFError:
        raise UserError(path, "a truncated MIDI file", "a whole one", "copy or export it again") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(path, f"no readable MIDI file ({reason})", "a MIDI file", remedy) from None
    except (ValueError, TypeError, ArithmeticError, LookupError, mido.KeySignatureError) as error:
        # mido raises these on damaged bytes, each in its own words
        raise UserError(path, f"a damaged MIDI file ({error})", "a MIDI file", remedy) from None


def _refuse_cut_tracks(content: bytes, midi_file: mido.MidiFile) -> None:
    """A file may end at a track's edge, which mido does not notice: its header counts more tracks than there are."""
    promised = int.from_bytes(content[10:12], "big")
    if len(midi_file.tracks) < promised:
        raise EOFError
