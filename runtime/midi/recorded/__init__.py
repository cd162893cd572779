"""MIDI files with one tick a frame, which say all that an engine needs to play them again to the sample."""
