"""Instruments: the card, the conditioning, the presets, the loaded decoder, and finding an instrument by name."""
