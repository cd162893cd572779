"""An instrument file: its card, its conditioning, its loaded decoder, its presets, and where instruments are found."""
