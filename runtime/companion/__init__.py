"""The companion: a second process that may be slow; it keeps files, writes recordings and runs the doctor."""
