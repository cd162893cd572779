"""Decides who may connect, by this machine's names, a code and paired devices; refuses sounds that name files."""
