"""The figures that Coldwarden promises, each against a floor measured in the same run."""
