"""Makes an instrument from a folder of sounds: the stages of `make`, its previews, its verdict and its report."""
