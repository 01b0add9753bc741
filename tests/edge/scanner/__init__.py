"""Tests of the scanner source."""
