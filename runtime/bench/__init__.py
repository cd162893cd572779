"""Measures how fast this machine plays, and how long the least work that makes the same sound would take."""
