"""Where and how fast the dense sound of transposed lanes is read; imports nothing else of synthesis/."""
