"""Tests of domain/profiles."""
