"""Contract suites: one set of claims on the embedded default and on real engines."""
