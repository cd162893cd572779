"""The pitch of a voice at every frame, and the pitch of every key; imports neither the voice bank nor the channels."""
