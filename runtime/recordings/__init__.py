"""Sound files of any common format as mono samples."""
