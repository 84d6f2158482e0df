"""The web pages and their HTTP API: runs, viewer, live events, annotation."""
