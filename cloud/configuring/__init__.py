"""Configurations on their way to gateways, and what becomes of them."""
