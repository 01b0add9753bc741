"""The registry as ingest, projections and pages ask it, answered from the database."""
