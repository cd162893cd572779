"""Lets this machine and paired devices open the page, under this machine's names only; refuses sounds that refer to
files."""
