"""Alarms out of the archive: limits, missing data, silence, broken evidence."""
