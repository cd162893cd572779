"""Turns spectra into sound, lane by lane; knows lanes, pitch ratios and gains, but no notes.

docs/engine.md explains the terms: lane, hop, ring, taps, submix, bus, head, dense hop, side.
"""
