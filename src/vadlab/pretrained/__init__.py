"""What stands behind `vadlab.weights`: known files, downloads, formats."""
