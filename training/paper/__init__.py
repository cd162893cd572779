"""Reproduces the paper: its corpora and models, its tables and figures, and a verdict on each of its findings."""
