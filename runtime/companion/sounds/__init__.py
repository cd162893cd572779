"""Keeps the user's sounds: saves, renames, copies, deletes, packs and unpacks them, and takes the last change back."""
