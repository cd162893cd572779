"""The doctor: checks the machine, its devices and the playing process, and says how to mend each problem."""
