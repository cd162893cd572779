"""Files that come and go by the page: recordings, rendered pieces, sounds, and what the browser sends."""
