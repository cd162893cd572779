"""Where frames come from: recordings and synthesisers, and the store that holds them."""
