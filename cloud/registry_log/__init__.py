"""The registry's changes in the log: shipped there once, in order, and compared with it."""
