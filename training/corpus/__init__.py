"""Builds a corpus from recordings or a synthesizer, and stores its frames on disk."""
