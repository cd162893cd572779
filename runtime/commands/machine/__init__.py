"""The commands for this machine: list what it has, find what is wrong, measure its speed, play from power-on."""
