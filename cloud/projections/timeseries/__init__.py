"""Readings as time series: the port, its adapters, and the projection that fills them."""
