"""The effect: sends a recording or the live input, frame by frame, through an instrument's encoder and decoder."""
