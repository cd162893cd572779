"""Measures how fast this machine plays, in times, and in ratios to the least work that makes the same sound."""
