"""Bulk import of calibration certificates: one spreadsheet and the PDFs it names.

`package` reads a zip or a folder within limits, `spreadsheet` its rows, `plan` checks every row
against the registry, `service` shows what would change (dry run) or applies it in one change.
"""
