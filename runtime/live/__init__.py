"""Live playing: start and stop, devices that come and go."""
