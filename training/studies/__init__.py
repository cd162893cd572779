"""Scripts that were run once, each to make the measurements of a document in docs/ or a list in configs/."""
