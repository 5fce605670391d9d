"""Signed evidence from the store, read and checked once."""

from __future__ import annotations

import logging

from databright.custody.blobs import read_blob
from databright.data_market.verdicts import VerdictDomain
from databright.errors import BadInputError, StorageError
from databright.records.datasets import MAX_CARD_BYTES
from databright.records.evidence import SignedEvidence
from databright.storage.base import Store
from databright.units import Digest

_LOG = logging.getLogger(__name__)


class EvidenceShelf:
    """Evidence by digest.

    Args:
        store: where it lies.
        domain: where its signatures count.
    """

    def __init__(self, store: Store, domain: VerdictDomain) -> None:
        self._store = store
        self._domain = domain
        self._known: dict[Digest, SignedEvidence | None] = {}

    def read(self, digest: Digest) -> SignedEvidence | None:
        """One piece of evidence.

        Args:
            digest: of the blob that its evaluator published.

        Returns:
            The evidence; None where it is missing, malformed or wrongly signed.
        """
        if digest in self._known:
            return self._known[digest]
        try:
            evidence = SignedEvidence.from_json(read_blob(self._store, digest, MAX_CARD_BYTES))
        except StorageError as error:
            # Its publisher may still be copying it: look again at the next pass.
            _LOG.debug("evidence %s is not readable yet: %s", digest.hex(), error)
            return None
        except BadInputError as error:
            _LOG.warning("evidence %s is malformed and does not count: %s", digest.hex(), error)
            self._known[digest] = None
            return None
        signed = self._domain.is_signed(evidence)
        if not signed:
            _LOG.warning("evidence %s has a wrong signature and does not count", digest.hex())
        self._known[digest] = evidence if signed else None
        return self._known[digest]
