"""Hands events to the parts of a rack: when, to which parts, and which voices end to make room."""
