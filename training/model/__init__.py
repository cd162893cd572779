"""What is trained: the recipe, the network, what it reads, and the folder of a run."""
