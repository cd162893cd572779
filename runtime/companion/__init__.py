"""The companion: a second process that may be slow; it keeps files and writes recordings."""
