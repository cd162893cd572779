"""Turns spectra into sound, lane by lane; knows lanes, pitch ratios and gains, but no notes."""
