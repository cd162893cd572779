"""Notes, spectra and loudness: the project's only definition of each."""
