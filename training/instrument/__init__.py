"""A trained run seen as an instrument: its latents, its knobs, and sounds decoded at them."""
