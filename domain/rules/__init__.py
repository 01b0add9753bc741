"""Rule packs: limits, timers and clauses as versioned data, never code."""
