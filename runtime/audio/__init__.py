"""Audio out: devices, the output that asks for blocks, and the clock that its blocks set."""
