"""The systemd service: its unit file, its installation, and the notices that a playing program sends to systemd."""
