"""The state of an engine at a frame, stored in a recorded MIDI file, from which another engine can continue."""
