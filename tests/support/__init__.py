"""What the tests stand on: the rig, ears, instruments to play, and where things lie."""
