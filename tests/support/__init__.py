"""Helpers of the tests: a JACK server with players, measurements of sound, and instruments to play."""
