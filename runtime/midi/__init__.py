"""MIDI in: messages from keyboards, other programs and files become events."""
