"""How fast this machine plays, as times and as ratios taken in one run."""
