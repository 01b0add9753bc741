"""Digital inputs: a door contact, the mains; what they show becomes events and readings."""
