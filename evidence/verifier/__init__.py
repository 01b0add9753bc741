"""The offline verifier: reads an archive or an outbox, believes only the pinned keys."""
