"""The doctor: looks at the machine, its devices and what plays, and says what is good, and how to mend what is not."""
