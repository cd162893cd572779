"""Speaks with what plays, for all pages: the link, the keys that they hold, the picture of what is heard."""
