"""Tests of the pages of people and the audit trail."""
