"""Gives the bins of a spectrum noise phases or coherent phases; imports nothing from the rest of synthesis/."""
