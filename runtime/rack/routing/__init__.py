"""Decides when a rack's events are due, which parts receive them, and which voices end to make room."""
