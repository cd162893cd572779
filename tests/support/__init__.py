"""Helpers of the tests: a JACK server with players, measurements of sound, instruments to play, and paths."""
