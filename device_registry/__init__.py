"""Who has which site, gateway, key and measuring point."""
