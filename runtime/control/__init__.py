"""The player's knobs: the position of each knob, and which MIDI control moves it."""
