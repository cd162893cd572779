"""Gives each sounding voice its spectra, hops and ramps; links the voices, which know no sound, to the synthesis."""
