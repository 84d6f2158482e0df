"""One dataset a file: its videos, labels, splits, licence and where to get it."""
