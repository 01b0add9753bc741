"""What runs out: warned at 90, 60, 30, 7 and 0 days, each step once, and what its end locks.

`ladder` and `locks` decide, `reading` finds what runs out, `tour` writes the day's warnings as
tasks of the registry.
"""
