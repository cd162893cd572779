"""Changes a lane's spectrum before it sounds: its level, the gain of each bin, and the width of its harmonics."""
