"""The boot service: its unit, its installation, and what the program tells systemd."""
