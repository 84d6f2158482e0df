"""One verb of the command line a file, as a function that scripts can call."""
