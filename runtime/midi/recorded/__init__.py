"""MIDI files with one tick per frame, with everything that an engine needs to reproduce the sound exactly."""
