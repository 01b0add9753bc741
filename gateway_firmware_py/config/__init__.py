"""The gateway's configuration file: read, checked, turned into what the parts take."""
