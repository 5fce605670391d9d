"""Contracts: Vyper sources by market and their compiled artifacts; package resources, no Python."""
