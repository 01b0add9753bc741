"""Tests of cloud.projections.alarms."""
