"""The player's knobs: where each one stands, and which control moves it."""
