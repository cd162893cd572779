"""Gives the bins of a spectrum their phases, noise or coherent; imports nothing else of synthesis/."""
