"""The web pages: templates, message catalogues, vendored scripts and view models."""
