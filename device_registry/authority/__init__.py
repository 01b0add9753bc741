"""A small certificate authority of our own: an offline root, an online intermediate."""
