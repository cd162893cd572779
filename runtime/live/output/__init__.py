"""The output that plays: a sound card, silence while there is none, and an effect on the card's input."""
