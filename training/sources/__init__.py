"""Renders or fetches sets of recordings that are free to use, each into a folder with a manifest."""
