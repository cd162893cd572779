"""Measures models and instruments, in figures, plots and sound.

It measures errors, the embedding, pitch, what the knobs do, and how close they come to held-out sounds.
"""
