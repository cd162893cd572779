"""Modulation of voices: computes the values of targets at any frame, from envelopes, LFOs and controls."""
