"""The page: a process of its own that serves it to a browser on this machine, and speaks the link to what plays."""
