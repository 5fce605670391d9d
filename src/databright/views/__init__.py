"""Views: read models across the markets, made from chain events and thrown away at will."""
