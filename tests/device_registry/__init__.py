"""Tests of device_registry."""
