"""MIDI input: converts messages from keyboards, other programs and files to events."""
