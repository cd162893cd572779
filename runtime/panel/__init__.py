"""The page: a separate process serves it to browsers, and speaks with the playing process over the link."""
