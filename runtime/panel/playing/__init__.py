"""Connects all pages to the playing process: the link, the keys that pages hold, and the live picture."""
