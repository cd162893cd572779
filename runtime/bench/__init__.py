"""Measures how fast this machine plays, and how long the least work for the same sound takes."""
