"""Modulation of voices: envelopes, LFOs and controls become values of targets, as functions of the frame."""
