"""The state of an engine at one frame, which a recorded MIDI file stores so that another engine can continue from it."""
