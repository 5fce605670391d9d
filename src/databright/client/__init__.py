"""The Python SDK: `Client` opens a home and shows the market by role.

`deploy_market` and `verify_market` put a market on a chain and check one that is there.
"""

from databright.chain.deploying import Terms
from databright.chain.verifying import Check
from databright.client.client import Client
from databright.client.writing import Transaction, Written
from databright.wiring.deploying import Outcome, deploy_market, verify_market

__all__ = [
    "Check", "Client", "Outcome", "Terms", "Transaction", "Written", "deploy_market",
    "verify_market",
]  # fmt: skip
