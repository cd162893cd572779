"""Trajectories (paths in time for a note): their format, their checks, and the tables that the engine plays."""
