"""The state of an engine at one frame. A recorded MIDI file stores it, and another engine can continue from it."""
