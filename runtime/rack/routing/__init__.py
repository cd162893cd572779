"""Brings events to the parts of a rack: when they are due, which parts they concern, and whether voices must end."""
