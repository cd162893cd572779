"""Makes the sounds that come with an instrument, and measures what is heard of each."""
