"""Client: the Python SDK, one view of the markets for each role."""
