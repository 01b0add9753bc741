"""The configuration from the cloud: taken, tried, kept or rolled back."""
