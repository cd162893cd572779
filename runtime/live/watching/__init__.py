"""Looks for blocks that are missing, late or not finite, and for a machine that lacks voltage or cooling."""
