"""The effect: a recording or live input, frame by frame, through the encoder and the decoder of an instrument."""
