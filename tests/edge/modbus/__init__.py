"""Tests of the Modbus source."""
