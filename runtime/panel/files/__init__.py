"""The page's downloads and uploads: recordings, rendered pieces and sounds, and the files that a browser sends."""
