"""Defines a model: its recipe, network, batches and checkpoints, and the folder of its training run."""
