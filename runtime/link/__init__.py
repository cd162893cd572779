"""The link: the local protocol between the playing process, its companion, and the commands."""
