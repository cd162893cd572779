"""An emulated PC with USB sound and USB MIDI, whose plug can be pulled, and the record of what it wrote to its disk."""
