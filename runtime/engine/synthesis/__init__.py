"""Turns spectra into sound, lane by lane (docs/engine.md explains the terms); knows no notes."""
