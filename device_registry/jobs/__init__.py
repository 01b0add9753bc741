"""Field jobs as flows: each a table of steps, a pure plan, and a signed change record 变更记录.

`catalogue.JOBS` lists them, `record` makes the document that is signed, `service` applies a job
to the registry in one change. Contractors' access ends with their work order (`work_orders`).
"""
