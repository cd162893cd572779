"""Gives sounding voices their spectra, hops and ramps: links voices/, which makes no sound, to synthesis/."""
