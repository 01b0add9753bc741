"""Refrigerators, sensors and links without hardware; the demo that starts the real programs."""
