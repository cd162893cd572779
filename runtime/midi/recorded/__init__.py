"""MIDI files with one tick per frame, which hold all that an engine needs to reproduce the sound exactly."""
