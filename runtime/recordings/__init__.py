"""Reads sound files of any common format as mono samples."""
