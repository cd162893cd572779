"""What a player calls a sound: knobs, envelope, phase blend and voice mode, in one YAML file."""
