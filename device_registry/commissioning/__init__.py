"""Putting a site into service: given facts are checked, the result is signed by names and kept.

`review.review(facts)` decides; `report` makes the document that the customer signs, `pdf`
prints it, `steps` is what the technician is led through, `service` writes the outcome to the
registry.
"""
