"""Readings that no probe makes: flat, replayed, or smoother than its own noise."""
