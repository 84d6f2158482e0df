"""Clip features: extraction, and the store that keeps them."""
