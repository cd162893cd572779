"""Records the played sound and events in sound files and MIDI files, in the companion's process."""
