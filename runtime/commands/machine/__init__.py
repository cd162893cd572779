"""The commands for this machine: list what it has, find what is wrong, measure its speed, let it play from power-on."""
