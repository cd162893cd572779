"""A corpus: its sounds, from recordings or a synthesizer, and the store on disk that holds their frames."""
