"""What GSP and its sister rules ask of points, calibrations, verifications and devices."""
