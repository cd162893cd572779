"""What a user can type, one file a command: its arguments, and what it prints."""
