"""Model market: which models exist, what they descend from, and how predictions are paid."""
