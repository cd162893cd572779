"""Signals of an instrument without a screen: sounds, and a lamp on a pin."""
