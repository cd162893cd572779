"""What wakes the main thread: the request to stop, and the audio thread that returns something."""
