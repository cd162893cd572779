"""Emulated machines with USB sound and USB MIDI, whose power can be cut, and a record of its writes to its disk."""
