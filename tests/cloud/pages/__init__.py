"""Tests of cloud/pages."""
