"""Plays live: starts and stops, and follows devices that are plugged in and unplugged."""
