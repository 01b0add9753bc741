"""What crosses the link while a gateway is put into service or changes a key (SPEC.md)."""
