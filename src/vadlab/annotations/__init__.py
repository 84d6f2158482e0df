"""Spans of several annotators to frame labels."""
