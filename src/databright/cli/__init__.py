"""Command line: one file per role; main finds them by name."""
