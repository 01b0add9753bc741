"""Tests of the digital inputs."""
