"""The local judge: limits and missing data, with no network needed."""
