"""Oracles: policies that vote lent weight on published evidence, one file each."""
