"""Makes the gallery: one page, and for each instrument a piece, a morph, a picture, and pairs of notes.

A pair is a recorded note, and the same note as the instrument plays it.
"""
