"""The part of a worker that has results: the compute child, and the memory of what it gave."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from databright.compute_market.jobs import result_commitment, sign_commit
from databright.programs.child import ComputeChild
from databright.records.signatures import Domain, SignsMessages
from databright.transport import hub_pb2
from databright.units import Address, Digest

_MAX_RESULTS = 128
_SALT_TAG = b"databright/salt/v1"


@dataclass(frozen=True)
class Answer:
    """What a worker says about one lease.

    Attributes:
        salt: of its commitment.
        result: SHA-256 of the blob.
        blob: the result.
    """

    salt: bytes
    result: Digest
    blob: bytes


@dataclass(frozen=True)
class Identity:
    """Who a worker is.

    Attributes:
        owner: its address.
        key: signs commitments.
        salt_key: secret that salts are derived from.
        domain: where commitments hold.
    """

    owner: Address
    key: SignsMessages
    salt_key: bytes
    domain: Domain

    def salt(self, lease: hub_pb2.Lease) -> bytes:
        """Salt of the commitment to a lease.

        It is derived, not drawn: a worker that was killed after its commitment gives the same one
        again.

        Args:
            lease: the lease.

        Returns:
            32 bytes that nobody else can guess.
        """
        numbers = (lease.job, lease.segment, lease.attempt)
        message = _SALT_TAG + b"".join(number.to_bytes(32, "big") for number in numbers)
        return hmac.new(self.salt_key, message, hashlib.sha256).digest()

    def commit(self, lease: hub_pb2.Lease, answer: Answer) -> hub_pb2.Commit:
        """The signed commitment to an answer.

        Args:
            lease: the lease.
            answer: what was computed.

        Returns:
            The message.
        """
        commitment = result_commitment(answer.result, answer.salt, self.owner)
        signature = sign_commit(
            self.key, self.domain, lease.job, lease.segment, lease.attempt, commitment
        )
        return hub_pb2.Commit(work=ref_of(lease), commitment=commitment, signature=signature)


class Results:
    """Computes leases, each once: a repeated lease is answered from memory.

    Args:
        identity: who the worker is.
        child: where programs run.
        tamper: what is done to each result; the identity for an honest worker.
    """

    def __init__(
        self, identity: Identity, child: ComputeChild, tamper: Callable[[bytes], bytes]
    ) -> None:
        self._identity = identity
        self._child = child
        self._tamper = tamper
        self._blobs: OrderedDict[bytes, bytes] = OrderedDict()

    def compute(self, lease: hub_pb2.Lease, get_blob: Callable[[Digest], bytes]) -> Answer:
        """Do the work of a lease.

        Args:
            lease: the lease, checked.
            get_blob: fetches what it names.

        Returns:
            The answer.
        """
        key = lease.program + lease.weights + lease.rows + lease.batches
        blob = self._blobs.get(key)
        if blob is None:
            blob = self._tamper(self._run(lease, get_blob))
            self._blobs[key] = blob
            if len(self._blobs) > _MAX_RESULTS:
                self._blobs.popitem(last=False)
        salt = self._identity.salt(lease)
        return Answer(salt, Digest(hashlib.sha256(blob).digest()), blob)

    def _run(self, lease: hub_pb2.Lease, get_blob: Callable[[Digest], bytes]) -> bytes:
        program = get_blob(Digest(lease.program))
        weights = get_blob(Digest(lease.weights))
        rows = get_blob(Digest(lease.rows))
        if lease.kind == hub_pb2.LEASE_KIND_PREDICT:
            return self._child.predict(program, weights, rows)
        return self._child.train(program, weights, rows, get_blob(Digest(lease.batches)))


def ref_of(lease: hub_pb2.Lease) -> hub_pb2.WorkRef:
    """Name of a lease's work.

    Args:
        lease: the lease.

    Returns:
        The name.
    """
    return hub_pb2.WorkRef(
        kind=lease.kind, job=lease.job, segment=lease.segment, attempt=lease.attempt
    )
