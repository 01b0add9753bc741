"""The recorder: sources feed it; it judges, seals, signs and makes durable."""
