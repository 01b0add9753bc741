"""Codes of the country that the registry holds: regions, credit codes, map datums."""
