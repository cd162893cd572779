"""Who may come in: the names of this machine, pairing by a code, and the devices that are paired."""
