"""Enrolment on the device."""
