"""Trains a model: the objective, one training step, many steps in one compiled loop, and the epochs."""
