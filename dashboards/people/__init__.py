"""What the pages of people and the audit trail show."""
