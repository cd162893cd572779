"""Makes the gallery: for each instrument a piece, its recordings beside it, a morph, a picture, and one page."""
