"""Code scanners: serial, network, and keyboard wedge; each read becomes a signed event."""
