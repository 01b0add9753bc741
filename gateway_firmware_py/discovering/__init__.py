"""What is on a line or a broker: found by reading only, named, proposed as configuration."""
