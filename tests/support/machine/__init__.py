"""Emulated machines with USB sound and USB MIDI; their power can be cut, and writes to their disks are recorded."""
