"""The output: a sound card, or silence while there is none, and an effect on the card's input."""
