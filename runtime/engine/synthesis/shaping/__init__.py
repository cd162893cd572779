"""Shapes a lane's spectrum: one gain for each bin, read at the harmonic that the bin belongs to."""
