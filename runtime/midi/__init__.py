"""MIDI in: ports, messages and files become events."""
