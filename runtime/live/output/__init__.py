"""The output: a sound card, or silence while there is no card; and an effect for the sound from the card's input."""
