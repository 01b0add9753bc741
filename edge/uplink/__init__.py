"""The uplink: sends the outbox to the cloud until each batch has its signed outcome."""
