"""The instrument: plays a decoder live and offline. Imports nothing of `training` or `export`."""
