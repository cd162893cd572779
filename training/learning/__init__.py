"""How it is trained: the objective, one step, many steps, the epochs."""
