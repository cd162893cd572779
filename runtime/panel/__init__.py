"""The page: a process of its own that serves it to browsers, and speaks the link to what plays."""
