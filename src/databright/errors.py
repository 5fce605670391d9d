"""The error tree: every error that the package raises on purpose.

::

    DatabrightError
    ├── BadInputError            a value from outside is wrong; nothing was written
    │   ├── UnknownEntityError   no dataset, proposal, job, model of that id
    │   ├── MalformedDataError   array, CSV, label, NaN, schema
    │   ├── ProgramRejectedError an op outside the list, a tensor over the cap, a malformed graph
    │   └── RateLimitedError     too much in too short a time; carries retry_after_s
    ├── ConfigError              settings or home folder cannot be used as they are
    │   └── MissingToolError     a program that this machine lacks; says how to install it
    ├── ChainError               the chain cannot be reached or is not the expected one
    │   ├── WrongChainError      chain id or genesis hash differ from the recorded ones
    │   ├── NonceSpentError      a nonce that fixes an address is used up by something else
    │   └── TransactionFailedError  a transaction reverted; carries the contract's reason
    ├── StorageError
    │   ├── BlobMissingError     no blob of that address
    │   └── BlobCorruptError     a blob's bytes do not have its hash
    ├── CustodyError
    │   ├── SealBrokenError      a sealed blob or envelope does not open
    │   └── ExposureExceededError  a reservation would pass an owner's cap
    ├── ComputeError             a compute child died, hung or ran out of memory
    ├── PlanRefusedError         a job that cannot keep its promises; carries owners_needed
    └── ProtocolError            a peer broke the worker protocol
        └── NotAuthorisedError   a peer is not who it claims or may not do this

Messages say what is wrong, with the values, and what to do.
"""

from __future__ import annotations


class DatabrightError(Exception):
    """Base of all errors raised on purpose."""


class BadInputError(DatabrightError):
    """A value from outside is wrong; nothing was written."""


class UnknownEntityError(BadInputError):
    """No dataset, proposal, job or model of that id."""


class MalformedDataError(BadInputError):
    """Rows, labels or a file do not follow the dataset's schema."""


class ProgramRejectedError(BadInputError):
    """A program holds an op outside the list, a tensor over the cap or a malformed graph."""


class RateLimitedError(BadInputError):
    """Too much was sent in too short a time; nothing was written.

    Attributes:
        retry_after_s: seconds after which it may be sent again.
    """

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConfigError(DatabrightError):
    """Settings or the home folder cannot be used as they are."""


class MissingToolError(ConfigError):
    """A program that this machine lacks; the message says how to install it."""


class ChainError(DatabrightError):
    """The chain cannot be reached or does not answer as a chain should."""


class WrongChainError(ChainError):
    """Chain id or genesis hash differ from the recorded ones; nothing was sent."""


class NonceSpentError(ChainError):
    """A nonce that fixes a contract's address is used up by another transaction."""


class TransactionFailedError(ChainError):
    """A transaction reverted or would revert.

    Attributes:
        reason: the contract's own revert text, or an empty string.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class StorageError(DatabrightError):
    """The content-addressed store cannot do what was asked."""


class BlobMissingError(StorageError):
    """The store holds no blob of that address."""


class BlobCorruptError(StorageError):
    """A blob's bytes do not have the hash that names them."""


class CustodyError(DatabrightError):
    """Data in custody cannot be handled as asked."""


class SealBrokenError(CustodyError):
    """A sealed blob or key envelope does not open with this key."""


class ExposureExceededError(CustodyError):
    """A reservation would let an owner see more than the dataset's cap."""


class ComputeError(DatabrightError):
    """A compute child died, hung or ran out of memory; the same request may be tried again."""


class PlanRefusedError(DatabrightError):
    """A job cannot be planned within the dataset's rules.

    Attributes:
        owners_needed: independent worker owners that the plan would take.
        owners_available: owners that are able to take work now.
    """

    def __init__(self, message: str, *, owners_needed: int, owners_available: int) -> None:
        super().__init__(message)
        self.owners_needed = owners_needed
        self.owners_available = owners_available


class ProtocolError(DatabrightError):
    """A peer broke the worker protocol."""


class NotAuthorisedError(ProtocolError):
    """A peer is not who it claims to be, or may not do this."""
