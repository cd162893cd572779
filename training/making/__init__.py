"""Decides how to use each file of a folder of sounds, and trains an instrument."""
