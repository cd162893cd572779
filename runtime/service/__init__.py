"""The systemd service: unit files, installation, updates, and the notices that a playing program sends to systemd."""
