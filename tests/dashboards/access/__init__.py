"""Tests of the log-in pages."""
