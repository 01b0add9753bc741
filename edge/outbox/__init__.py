"""The outbox: every signed batch stays here until the cloud's receipt for it is verified."""
