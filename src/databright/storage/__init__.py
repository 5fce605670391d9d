"""The content-addressed store: one port, providers found by name."""
