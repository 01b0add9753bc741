"""From bytes on the link to a checked batch: transports, the order of checks, quarantine."""
