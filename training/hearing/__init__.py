"""Measures what is audible in magnitude frames: pitch, harmonics, descriptors of timbre, distance between timbres."""
