"""The model market: registered models with their lineage, and paid predictions."""
