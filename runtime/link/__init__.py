"""The link: the local protocol between the playing process, its companion process, and the commands."""
