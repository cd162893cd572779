"""What every room stands on: the user's error, command lines, checked YAML, whole files, thread priorities."""
