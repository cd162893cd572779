"""Stores an engine's state in a recorded MIDI file, so that another engine can continue from this state."""
