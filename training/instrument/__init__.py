"""A trained run as an instrument: its latents and knobs, and the frames that it decodes at knob positions."""
