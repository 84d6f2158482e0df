"""Networks as files that other programs run; one format a file, the file name is the name."""
