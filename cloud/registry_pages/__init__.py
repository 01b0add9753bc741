"""Web pages of the registry, and of the technician in the field."""
