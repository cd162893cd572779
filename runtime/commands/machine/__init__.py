"""The commands that look after this machine: what is there, what is wrong, how fast it is, play from power-on."""
