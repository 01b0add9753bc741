"""Tests of the local judge."""
