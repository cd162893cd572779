"""Instruments: the card, the conditioning, the presets, the loaded decoder, and where to find one by name."""
