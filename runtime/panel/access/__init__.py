"""Who may come in, and with what: names of this machine, pairing by a code, paired devices, sounds without files."""
