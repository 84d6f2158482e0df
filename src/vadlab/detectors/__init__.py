"""One detector a file: fit on samples, score a video."""
