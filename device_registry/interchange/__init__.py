"""The registry in files that people edit: JSON of any kinds, or a CSV file for each kind."""
