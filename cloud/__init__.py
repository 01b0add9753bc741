"""The server: ingest, archive, projections, alarms, pages; composition and command line."""
