"""Makes the gallery: one page, and for each instrument a piece, pairs with its recordings, a morph and a picture."""
