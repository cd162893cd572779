"""Stores the state of a rack in a recorded MIDI file, so that another rack can continue from it."""
