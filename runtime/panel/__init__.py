"""The page that shows and controls what plays. A separate process serves it, and speaks with `play` over the link."""
