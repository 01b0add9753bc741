"""The appliance on the Pi: configuration, identity, clock, composition, command line."""
