"""Writes what is played to sound files and MIDI files, in the companion's process."""
