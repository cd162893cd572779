"""Swaps instruments while playing: threads that make the next one, and the order in which they take over."""
