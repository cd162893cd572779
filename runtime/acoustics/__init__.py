"""What a note, a spectrum and a loudness are: the project's only definitions of each."""
