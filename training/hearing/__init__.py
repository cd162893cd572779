"""What an ear hears in magnitude frames: pitch, harmonics, descriptors, distance."""
