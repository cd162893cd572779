"""A model: its recipe, its network, the batches that it reads, and the folder of its training run."""
