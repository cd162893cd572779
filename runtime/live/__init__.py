"""Live playing: start, stop, and devices that are plugged in and out."""
