"""Watches what plays: whether blocks come, whether they come in time, and whether their numbers are sound."""
