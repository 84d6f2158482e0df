"""Inner loops compiled by numba: arrays in, arrays changed in place, no project types."""
