"""Custody: what guards data: sealing, keys, holdouts, exposure."""
