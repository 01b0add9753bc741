"""A Modbus source for TCP and RTU: asks only, never writes, and stamps what comes back."""
