"""How the tables became what they are; run in-process when a store is opened."""
