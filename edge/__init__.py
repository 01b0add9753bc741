"""The parts of a gateway: sources, judge, sealer, outbox, uplink."""
