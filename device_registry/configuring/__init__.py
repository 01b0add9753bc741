"""What a gateway is told to measure, made from the registry's rows."""
