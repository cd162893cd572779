"""Turns a recording into a sound of an instrument: knob positions, and a trajectory of knobs, colour and level."""
