"""Who comes in: sessions, tokens, log-in pages, and the gate before every route."""
