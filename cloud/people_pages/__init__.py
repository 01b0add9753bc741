"""Pages of people and their roles, and of the audit trail."""
