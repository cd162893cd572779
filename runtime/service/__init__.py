"""The boot service: its unit, its installation, and how the instrument tells systemd that it is well."""
