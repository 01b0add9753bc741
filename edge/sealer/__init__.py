"""The sealer: readings become the columns of a batch while they arrive."""
