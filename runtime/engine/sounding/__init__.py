"""Gives each sounding voice its spectra, hops and ramps: between the voices, which know no sound, and the synthesis."""
