"""Keeps the dense sound of transposed lanes, and reads it at any speed; imports nothing from the rest of synthesis/."""
