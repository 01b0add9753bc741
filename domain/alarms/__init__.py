"""The alarm engine: pure, event time only, the same on the gateway and in the cloud."""
