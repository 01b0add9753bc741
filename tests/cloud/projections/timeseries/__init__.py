"""Tests of cloud.projections.timeseries."""
