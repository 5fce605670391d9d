"""The Python SDK: `Client` opens a home and shows the market by role."""

from databright.client.client import Client
from databright.client.writing import Transaction, Written

__all__ = ["Client", "Transaction", "Written"]
