"""Tests of accounts, log-ins and sessions."""
