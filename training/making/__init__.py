"""Listens to a folder of sounds, decides how to use each file, and trains an instrument on the usable files."""
