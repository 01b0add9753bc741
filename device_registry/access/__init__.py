"""Who may see and change what: roles as data and one pure policy function."""
