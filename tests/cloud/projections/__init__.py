"""Tests of cloud.projections."""
