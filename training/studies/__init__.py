"""Scripts that made, once, the measurements of a document in docs/ or a list in configs/."""
