"""Measures how fast this machine plays: in times, and relative to the least work that makes the same sound."""
