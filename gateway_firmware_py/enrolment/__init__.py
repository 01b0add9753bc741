"""How a gateway comes into service, renews its certificate and changes its evidence key."""
