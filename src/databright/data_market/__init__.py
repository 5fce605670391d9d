"""The data market: datasets, requests, proposals, evidence, votes, shares, dividends."""
