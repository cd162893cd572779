"""Swaps instruments while playing: threads make the next instruments, and racks play them in the requested order."""
