"""Gateways enrol, renew and rotate over HTTPS, and the broker lets in who may come."""
