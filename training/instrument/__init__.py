"""Plays a trained run as an instrument: finds latents, gives them knobs, and decodes frames at knob positions."""
