"""The pitch of a voice as a function of the frame, and the pitch of every key; knows neither bank nor channels."""
