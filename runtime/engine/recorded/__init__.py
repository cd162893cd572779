"""The state of an engine at a frame, as a recorded MIDI file says it, from which another engine can go on."""
