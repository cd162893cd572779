"""Stores the state of an engine in a recorded MIDI file, so that another engine can continue from it."""
