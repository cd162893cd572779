"""What a recorded MIDI file says of the engine that played it, so that another one can go on from there."""
