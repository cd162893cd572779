"""What is played: notes, channels, pitches and envelopes of the voices; knows no sound."""
