"""Knows what is played: the notes, channels, pitches and envelopes of the voices; makes no sound."""
