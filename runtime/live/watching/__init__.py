"""Watches that blocks are requested, in time and finite, and that the machine has enough voltage and cooling."""
