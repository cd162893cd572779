"""Recordings that are free to use, each set rendered or fetched by one command into a folder with a manifest."""
