"""vadlab: video anomaly detection, from video to frame scores, categories and a report."""

__version__ = "0.1.0"
