"""Measures how fast this machine plays, and compares this with the least work that makes the same sound."""
