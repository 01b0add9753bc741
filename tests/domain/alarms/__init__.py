"""Tests of domain/alarms."""
