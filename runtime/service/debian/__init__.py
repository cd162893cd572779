"""Builds the Debian package: the runtime with all its Python packages, for the Raspberry Pi and for PCs."""
