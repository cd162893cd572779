"""The state of a rack at a frame, stored in a recorded MIDI file, from which another rack can continue."""
