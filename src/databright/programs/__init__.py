"""What a program is and how it runs: op-list, validation, export, training, averaging, schedule.

Importing this room does not import torch; only exporting, validating sizes and running do.
"""
