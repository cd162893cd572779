"""Control maps: their lines, files and layers, and the tables that the audio thread reads."""
