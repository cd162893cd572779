"""What is heard: magnitude frames become sound, lane by lane. Knows no notes."""
