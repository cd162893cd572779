"""The commands for playing, one file each."""
