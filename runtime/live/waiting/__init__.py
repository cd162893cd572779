"""Wakes the main thread: on a request to stop, and when another thread returns something."""
