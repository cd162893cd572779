"""What a user can type in the workshop, one file a command."""
