"""Instruments: the card, the conditioning, the presets, the loaded decoder, and the search for instruments by name."""
