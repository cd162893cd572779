"""How good it is: errors, meshes, traversals, pitch, reach, and their pictures."""
