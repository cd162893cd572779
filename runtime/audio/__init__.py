"""Audio out: the devices, the outputs that play the engine's blocks, and the clock for live events."""
