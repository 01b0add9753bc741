"""The archive: one ordered stream of records, its log, and the one thread that orders them."""
