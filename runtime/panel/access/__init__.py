"""Decides who may connect: requests to this machine's own names, and paired devices; refuses sounds that name files."""
