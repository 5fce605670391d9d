"""The compute market: offers of workers, jobs of buyers, and the verified work between them."""
