"""The registry's tables: every row with its validity, every change an audit entry."""
