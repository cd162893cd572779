"""Sounds as players know them: knobs, envelope, phase blend and voice mode, in one YAML file for each sound."""
