"""Turns a recording into a sound of an instrument: knob positions, and a trajectory with colour and level."""
