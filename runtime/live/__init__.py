"""Live playing: start, stop, and devices that come and go."""
