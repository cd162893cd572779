"""What other programs do and see over the link while the instrument plays: notes, and the meter."""
