"""Measures models and instruments: errors, embedding, pitch, knobs and reach, in figures, plots and sound."""
