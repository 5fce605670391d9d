"""Why a worker is idle or refuses: one code each, shown in its status and told to the hub."""

from __future__ import annotations

from typing import Final

WHY: Final = {
    "starting": "the worker has just started",
    "no-chain": "the chain cannot be reached; the worker tries again",
    "no-nodes": "no trusted node has registered an endpoint yet",
    "no-session": "no node could be reached; the worker dials again",
    "unknown-node-certificate": "a node shows, or the store lacks, the certificate that it pinned",
    "not-registered": "the owner is not in the worker registry: register it",
    "not-admitted": "the node does not know this worker's certificate: set its pin",
    "waiting": "connected; no work now",
    "computing": "working on a lease",
    "price-below-fee": "the lease pays less than this owner's minimum fee",
    "stale-epoch": "the lease comes from a hub that another one has replaced",
    "not-reserved": "the lease is not reserved for this owner on chain",
    "not-paid": "the prediction is not paid for, or done already",
    "bad-program": "the program or its inputs were refused",
    "compute-failed": "the compute child failed",
    "blob-missing": "the node did not hand out a blob of the lease",
}
"""Code -> what it means."""
