"""How good a model or an instrument is: errors, embedding, pitch, knobs and reach, in figures, plots and sound."""
