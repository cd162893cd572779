"""What an instrument without a screen tells: by sounds, and by a lamp on a pin."""
