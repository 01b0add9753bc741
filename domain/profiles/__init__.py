"""Device profiles: register maps as data, and the pure decoding of what devices answer."""
