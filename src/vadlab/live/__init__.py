"""Live use: from a camera's frames to events, and to those who are told of them."""
