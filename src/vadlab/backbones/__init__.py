"""One feature extractor a file: a network, the facts of its weights and its preprocessing."""
