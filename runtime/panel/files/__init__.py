"""The page's downloads (recordings, sounds, rendered pieces) and its uploads (the files that a browser sends)."""
