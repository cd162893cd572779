"""What is played: notes, channels, pitches and envelopes of the voices; makes no sound."""
