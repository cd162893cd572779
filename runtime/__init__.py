"""Plays an instrument, live and offline; imports nothing of `training` or `export`."""
