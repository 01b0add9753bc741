"""Tests of the registry's and the technician's pages, over a real registry."""
