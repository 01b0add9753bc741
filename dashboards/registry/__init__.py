"""Pages of the registry and of the technician: models and how they become HTML."""
