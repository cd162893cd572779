"""Lets this machine and paired devices open the page, under its own names only; refuses sounds that name files."""
