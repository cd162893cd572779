"""Keeps the user's sounds: saves, renames, copies, deletes, packs and unpacks them, and undoes the last change."""
