"""Connects all pages to the playing process: the link, held keys, moved knobs, and the live picture of the output."""
