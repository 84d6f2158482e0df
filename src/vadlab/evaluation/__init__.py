"""From span scores to frame scores, metrics and events; every protocol choice is a rule."""
