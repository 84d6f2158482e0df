"""Those who are told of events, one a file."""
