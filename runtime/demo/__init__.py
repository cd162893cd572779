"""The piece that `play --demo` plays."""
