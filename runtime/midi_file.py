"""MIDI files as timed events."""

from __future__ import annotations

from pathlib import Path

import mido

from runtime.errors import UserError
from runtime.events import Event, from_message

DRUM_CHANNEL = 9


def read_events(path: str | Path) -> list[tuple[float, Event]]:
    """Events of a Standard MIDI File with their times in seconds, by its tempo map; channel 10, the drums, left out.

    UserError if the file is missing, no MIDI file, cut short, or holds times in a form that has no tempo.
    """
    path = Path(path)
    remedy = "choose a Standard MIDI File (.mid)"
    try:
        midi_file = mido.MidiFile(path)
        _refuse_cut_tracks(path, midi_file)
        events, time_s = [], 0.0
        for message in midi_file:
            time_s += message.time
            event = None if message.is_meta else from_message(message)
            if event is not None and getattr(event, "channel", None) != DRUM_CHANNEL:
                events.append((time_s, event))
        return events
    except FileNotFoundError:
        raise UserError(path, "no such file", "a MIDI file", "check the path") from None
    except EOFError:
        raise UserError(path, "a truncated MIDI file", "a whole one", "copy or export it again") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(path, f"no readable MIDI file ({reason})", "a MIDI file", remedy) from None
    except (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, LookupError) as error:
        # mido raises these on damaged bytes, each in its own words
        raise UserError(path, f"a damaged MIDI file ({error})", "a MIDI file", remedy) from None


def _refuse_cut_tracks(path: Path, midi_file: mido.MidiFile) -> None:
    """A file may end at a track's edge, which mido does not notice: its header counts more tracks than there are."""
    promised = int.from_bytes(path.read_bytes()[10:12], "big")
    if len(midi_file.tracks) < promised:
        raise EOFError
