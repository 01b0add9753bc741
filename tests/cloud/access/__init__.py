"""Tests of the gate and the log-in pages."""
