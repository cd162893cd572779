"""Listens to a folder of sounds, decides what each file is good for, and trains an instrument on it."""
