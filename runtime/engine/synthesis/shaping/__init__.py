"""Changes a lane's spectrum before it sounds: its level, one gain for each bin, its bandwidth."""
